"""Inputs of a network of one's own: numbers that go to it as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.preparation.base import DroppedColumn, Encoder, FitTarget
from shrinkage.datasets.preparation.row_cells import RowCells


@dataclass(frozen=True)
class ShapedInputs(Encoder):
    """One input a number, as it is.

    >>> ShapedInputs(("x_0",)).sources
    ('x_0',)
    """

    kind: ClassVar[str] = "shaped"
    stateless: ClassVar[bool] = True

    names: tuple[str, ...]

    @classmethod
    def fit(
        cls, columns: InputColumns, rows: np.ndarray, target: FitTarget | None
    ) -> tuple[tuple[Self, ...], tuple[DroppedColumn, ...]]:
        """Take the numbers; there is nothing to learn."""
        del rows, target
        names = columns.of_kind(ColumnKind.SHAPED)
        return ((cls(names),) if names else ()), ()

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return the names of the numbers."""
        return self.names

    def fill(self, cells: RowCells, out: np.ndarray) -> None:
        """Write the numbers into `out` (n, numbers)."""
        out[:] = np.asarray(cells.X)

    def learned_by(self, narrower: Self | None) -> Self:
        """Return these numbers."""
        del narrower
        return self
