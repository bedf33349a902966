"""Pixels: bytes divided by 255; nothing is fitted and no column is dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.pixels import BRIGHTEST, are_bytes
from shrinkage.datasets.preparation.row_cells import RowCells
from shrinkage.datasets.preparation.unfitted import Unfitted
from shrinkage.errors import InputError


@dataclass(frozen=True)
class PixelInputs(Unfitted):
    """One input a pixel, from 0 to 1.

    >>> PixelInputs(("pixel_0_0",)).sources
    ('pixel_0_0',)
    """

    kind: ClassVar[str] = "pixels"
    column_kind: ClassVar[ColumnKind] = ColumnKind.PIXELS

    def fill(self, cells: RowCells, out: np.ndarray) -> None:
        """Write the pixels, from 0 to 1, into `out` (n, pixels)."""
        X = cells.X  # pixels keep the order of the array
        if isinstance(X, pd.DataFrame):
            X = np.column_stack([cells.numbers(name) for name in self.names])
        if not are_bytes(X):
            raise InputError(
                "expected pixels that are whole numbers from 0 to 255 as in training, got other "
                "numbers: give the raw pictures, unscaled"
            )
        np.divide(X, BRIGHTEST, out=out, casting="unsafe", dtype=out.dtype)
