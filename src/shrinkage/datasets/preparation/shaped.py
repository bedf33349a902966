"""Inputs of a network of one's own: numbers that go to it as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.preparation.row_cells import RowCells
from shrinkage.datasets.preparation.unfitted import Unfitted


@dataclass(frozen=True)
class ShapedInputs(Unfitted):
    """One input a number, as it is.

    >>> ShapedInputs(("x_0",)).sources
    ('x_0',)
    """

    kind: ClassVar[str] = "shaped"
    column_kind: ClassVar[ColumnKind] = ColumnKind.SHAPED

    def fill(self, cells: RowCells, out: np.ndarray) -> None:
        """Write the numbers into `out` (n, numbers)."""
        out[:] = np.asarray(cells.X)
