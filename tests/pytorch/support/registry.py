"""Every combination of optimizer, loop and update, with the refusal where there is one.

The tests run it, and docs/support_table.py writes the table of the documentation from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shrinkage.errors import UnsupportedOptimizer
from tests.pytorch.support.loops import LOOPS
from tests.pytorch.support.rows import ROWS, UPDATES, Row

CLOSURE = "a closure computes the gradient anew after the term was added to it"
LATE_BUFFER = "torch's fused SGD cannot begin a momentum buffer later than those of its group"


@dataclass(frozen=True)
class Cell:
    """One combination; `refusal` is the reason why it is refused, None where it has to pass."""

    row: Row
    loop: str
    update: str
    refusal: str | None
    pattern: str
    error: type[Exception] = UnsupportedOptimizer

    @property
    def name(self) -> str:
        return f"{self.row.name}-{self.loop}-{self.update}".replace(" ", "_")


def is_needed(cell: Cell) -> bool:
    """Return whether a cell is more than a repetition.

    Every row meets every update in the plain loop, `proximal` in every loop, and every optimizer
    without options every loop with every update.
    """
    plain = cell.loop == "plain" or cell.row.name == cell.row.kind.__name__
    return plain or cell.update == "proximal" or bool(cell.refusal)


def cell_of(row: Row, loop: str, update: str) -> Cell:
    reason = row.refused(update)
    if reason is None and loop == "closure" and update == "gradient":
        return Cell(row, loop, update, CLOSURE, "closure")
    if loop == "unfreezing" and row.options.get("fused") and row.options.get("momentum"):
        return Cell(row, loop, update, LATE_BUFFER, "expected Tensor", TypeError)
    pattern = "maximize" if update == "loss" and row.maximize else re.escape((reason or "")[-40:])
    return Cell(row, loop, update, reason, pattern)


def tolerance(loop: str) -> dict[str, float]:
    """Return how near the two runs have to be: float64 but for the loops of fewer bits."""
    if loop == "bfloat16":
        return {"rtol": 0.0, "atol": 0.03}
    if loop in ("GradScaler", "autocast"):
        return {"rtol": 1e-4, "atol": 2e-5}
    return {"rtol": 1e-8, "atol": 1e-10}


CELLS = [cell_of(row, loop, update) for row in ROWS for loop in LOOPS for update in UPDATES]
