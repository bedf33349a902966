"""From the cells of a target to labels or numbers, with a record of what was decided and why.

Who uses this: every loader. Nothing is read as missing in silence: a missing target is an error
until the rows are dropped on request, and the record says how many were.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from shrinkage.checks import one_of
from shrinkage.datasets.cells import Locate, plain_row
from shrinkage.datasets.column_readings import ColumnReading
from shrinkage.datasets.column_specs import ColumnSpec
from shrinkage.datasets.dataset import TASKS
from shrinkage.datasets.decide_target import Wish, decided
from shrinkage.datasets.judging.missing_words import plain_word
from shrinkage.datasets.target_cells import (
    TargetCells,
    target_cells,
)
from shrinkage.datasets.target_rules import AMOUNTS, are_whole
from shrinkage.datasets.targets import plain_label
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError, near_names
from shrinkage.target_reading import TargetReading, TaskReason

MISSING_TARGETS = ("refuse", "drop", "class")
"""What is done about rows without a target: refuse or drop them, or take words as classes."""


SMALLEST_SPREAD, LARGEST_SPREAD = 1e-150, 1e150
"""Between which the largest difference of a target's numbers lies: beyond, squares are 0 or inf."""

NOTHING_SAID = ColumnSpec()


@dataclass(frozen=True, eq=False)
class Target:
    """A target that was read.

    Args:
        y: labels (text as dtype object, booleans, int64, float64) or float64 numbers.
        reading: what was decided.
        rows: positions of the rows that have a target, or None where all have one.
        column: how the cells of its column were read, in a table.
    """

    y: np.ndarray
    reading: TargetReading
    rows: np.ndarray | None = None
    column: ColumnReading | None = None


def read_target(
    values: object,
    name: str = "target",
    *,
    task: str | None = None,
    missing: str = "refuse",
    locate: Locate = plain_row,
    written: bool = False,
    spec: ColumnSpec = NOTHING_SAID,
    constant: bool = False,
) -> Target:
    """Read a target and decide whether it means classes or numbers.

    Args:
        values: (n,) raw targets: an array, a list or a series.
        name: the target's name.
        task: `classification` or `regression` instead of the decision.
        missing: `refuse`, `drop` (leave rows without a target out) or `class` (words such as
            `None` and `NA` in a file are classes).
        locate: words for a row.
        written: whether the cells are text of a file.
        spec: what a person said about the column.
        constant: whether one value in all rows will do.

    Returns:
        The target.

    Raises:
        InputError: missing, infinite or constant values; words as a regression target.

    >>> read_target(["no", "yes"]).reading.task, read_target([0.5, 1.5]).reading.task
    ('classification', 'regression')
    >>> read_target(["01", "02"] * 9, written=True).y[:2].tolist()
    ['01', '02']
    """
    if task is not None and task not in TASKS:
        raise InputError(
            f"expected a task {' or '.join(TASKS)}, got {task!r}: "
            f"{near_names(task, TASKS) or 'leave it out, and it is guessed'}"
        )
    one_of(missing, "missing target", MISSING_TARGETS)
    cells = target_cells(values, name, written=written, missing_words=spec.missing)
    raw = cells.values
    cells, why = decided(cells, Wish(name, task, missing, locate, spec))
    keep = present_rows(cells, raw, name, missing, locate)
    y = cells.values[keep]
    require_finite_targets(cells, name, locate)
    _require_two(y, name, 1 if constant else 2)
    regression = task == "regression" or (task is None and why in AMOUNTS)
    if regression:
        _require_squares(y, name)
    reading = summarized(y, name, regression, TaskReason.ASKED if task else why, cells)
    if spec.order and not regression:
        reading = replace(reading, order=spec.order)
    if keep.all():
        return Target(y, reading)
    left_out = sorted({one_line(raw[row], 40) for row in np.flatnonzero(~keep)} - {"", "nan"})
    reading = replace(reading, dropped=int((~keep).sum()), left_out=tuple(left_out))
    return Target(y, reading, np.flatnonzero(keep))


def present_rows(
    cells: TargetCells, raw: np.ndarray, name: str, missing: str, locate: Locate
) -> np.ndarray:
    """Return where there is a target; raise unless all rows have one or they are to be dropped.

    Raises:
        InputError: a target is missing, and nobody said to drop such rows.
    """
    keep = ~cells.missing
    if keep.all() or (missing == "drop" and keep.any()):
        return keep
    row, count = int(np.argmax(~keep)), int((~keep).sum())
    word = raw[row] if raw.dtype == object else ""
    got = f"{word!r}, which means a missing value" if word else "a missing or NaN value"
    class_of_its_own = (
        "; if it is a class, say so with --missing-target class (missing_target='class')"
        if isinstance(word, str) and cells.perhaps[row]
        else ""
    )
    raise InputError(
        f"target {name!r}, {locate(row)}: expected a value, got {got} ({count} such "
        f"{'row' if count == 1 else 'rows'} of {len(keep)}): fill or remove the row, or leave them "
        f"out with --drop-missing-target (missing_target='drop'){class_of_its_own}"
    )


def require_finite_targets(cells: TargetCells, name: str, locate: Locate) -> None:
    """Raise when a number is infinite.

    Raises:
        InputError: names the row.
    """
    values = cells.values
    if values.dtype != np.float64:
        return
    infinite = np.isinf(values) & ~cells.missing
    if infinite.any():
        row, count = int(np.argmax(infinite)), int(infinite.sum())
        alike = f"{count} such row{'s' if count > 1 else ''} of {len(infinite)}"
        raise InputError(
            f"target {name!r}, {locate(row)}: expected a finite number, got "
            f"{str(values[row])!r}: correct or remove the row ({alike})"
        )


def _require_two(y: np.ndarray, name: str, least: int) -> None:
    distinct = pd.unique(y)
    if len(distinct) < least:
        got = f"only {distinct.tolist()[0]!r}" if len(distinct) else "no rows"
        raise InputError(
            f"target {name!r}: expected at least two different values, got {got}: "
            "choose another target"
        )


def _require_squares(y: np.ndarray, name: str) -> None:
    """Raise where the squares of what sets numbers apart are no floats, as every score needs."""
    spread = float(y.max()) - float(y.min())
    if spread and not SMALLEST_SPREAD < spread < LARGEST_SPREAD:
        raise InputError(
            f"target {name!r}: expected numbers whose squares a float can hold, got values from "
            f"{y.min():.3g} to {y.max():.3g}: multiply them by a power of ten, such as "
            f"{10.0 ** -round(np.log10(np.abs(y).max())):.0e}"
        )


def summarized(
    y: np.ndarray, name: str, regression: bool, why: TaskReason, cells: TargetCells
) -> TargetReading:
    """Return the record of a target whose values are known."""
    if regression:
        other = "classification" if are_whole(y) else None
        return TargetReading(
            name,
            "regression",
            why,
            len(y),
            len(np.unique(y)),
            least=float(y.min()),
            largest=float(y.max()),
            other=other,
        )
    labels, counts = np.unique(y, return_counts=True)
    words = cells.values[cells.perhaps & ~cells.missing]
    numeric = y.dtype != object and y.dtype != bool
    return TargetReading(
        name,
        "classification",
        why,
        len(y),
        len(labels),
        classes=tuple(plain_label(label) for label in labels),
        counts=tuple(counts.tolist()),
        words=tuple(sorted(set(words))) if cells.is_text else (),
        alike=_alike(labels.tolist()) if y.dtype == object else (),
        truths=cells.truths,
        order=cells.order if y.dtype == object else (),
        other="regression" if numeric else None,
    )


def _alike(labels: list[str]) -> tuple[str, ...]:
    """Return the labels that differ from another one by case or blanks alone."""
    plain = [plain_word(label) for label in labels]
    count = Counter(plain)
    return tuple(label for label, word in zip(labels, plain, strict=True) if count[word] > 1)
