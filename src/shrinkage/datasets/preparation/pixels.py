"""Pixels: bytes divided by 255; nothing is fitted and no column is dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.pixels import BRIGHTEST, are_bytes
from shrinkage.datasets.preparation.base import DroppedColumn, Encoder, FitTarget
from shrinkage.datasets.preparation.row_cells import RowCells
from shrinkage.errors import InputError


@dataclass(frozen=True)
class PixelInputs(Encoder):
    """One input a pixel, from 0 to 1.

    >>> PixelInputs(("pixel_0_0",)).sources
    ('pixel_0_0',)
    """

    kind: ClassVar[str] = "pixels"
    stateless: ClassVar[bool] = True

    names: tuple[str, ...]

    @classmethod
    def fit(
        cls, columns: InputColumns, rows: np.ndarray, target: FitTarget | None
    ) -> tuple[tuple[Self, ...], tuple[DroppedColumn, ...]]:
        """Take the pixels; there is nothing to learn."""
        del rows, target
        names = columns.of_kind(ColumnKind.PIXELS)
        return ((cls(names),) if names else ()), ()

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return the pixel names."""
        return self.names

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

    def learned_by(self, narrower: Self | None) -> Self:
        """Return these pixels."""
        del narrower
        return self
