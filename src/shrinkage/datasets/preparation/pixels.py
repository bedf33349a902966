"""Pixels: bytes divided by 255; nothing is fitted and no column is dropped."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.pixels import BRIGHTEST, are_bytes
from shrinkage.datasets.preparation.row_cells import RowCells
from shrinkage.datasets.preparation.unfitted import Unfitted
from shrinkage.errors import InputError

LEAST_NUMBERS = 2**22  # of a thread


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
        _divide(X, out)


def _divide(X: np.ndarray, out: np.ndarray) -> None:
    """Write pixels from 0 to 1 into `out`, many in shares of the rows.

    Most of the time is the system's, which makes the pages of `out`.
    """
    threads = max(1, min(os.cpu_count() or 1, out.size // LEAST_NUMBERS))
    shares = zip(np.array_split(X, threads), np.array_split(out, threads), strict=True)

    def divide(share: tuple[np.ndarray, np.ndarray]) -> None:
        own, to = share
        np.divide(own, BRIGHTEST, out=to, casting="unsafe", dtype=to.dtype)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(divide, shares))
