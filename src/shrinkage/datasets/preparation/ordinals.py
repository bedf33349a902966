"""Ordinals: the place of the level in its order, 0 to k − 1, standardized like a number.

scikit-learn's OrdinalEncoder does the same with `categories` in that order. A missing cell, and a
level that is not in the order, count as the median place; the first has its indicator, the second
is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.preparation.base import ColumnEncoder, DroppedColumn, FitTarget
from shrinkage.datasets.preparation.categories import count_levels
from shrinkage.datasets.preparation.cell_counts import CellCounts, MissingBecomes
from shrinkage.datasets.preparation.row_cells import RowCells
from shrinkage.datasets.preparation.standard import Standard, learn


@dataclass(frozen=True)
class OrdinalInputs(ColumnEncoder):
    """One input: the place of the level in `order`, then `(place − mean) / scale`.

    >>> OrdinalInputs("size", ("S", "M", "L"), 1.0, 1.0, 0.5).input_names
    ('size',)
    """

    kind: ClassVar[str] = "ordinal"

    name: str
    order: tuple[str, ...]
    median: float
    mean: float
    scale: float

    @classmethod
    def fit(
        cls, columns: InputColumns, rows: np.ndarray, target: FitTarget | None
    ) -> tuple[tuple[Self, ...], tuple[DroppedColumn, ...]]:
        """Learn median, mean and scale of the places; see `Encoder.fit`."""
        del target
        encoders, dropped = [], []
        for name in columns.encoded_as("ordinal"):
            order = columns.rule(name).levels
            places = _places(columns.cells(rows, [name])[:, 0], order)
            ((reason, own),) = learn(places.reshape(-1, 1), [name])
            if reason:
                dropped.append((name, reason))
            else:
                encoders.append(cls(name, order, own.median, own.mean, own.scale))
        return tuple(encoders), tuple(dropped)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return the column's name."""
        return (self.name,)

    @property
    def known_levels(self) -> tuple[str, ...]:
        """Return the levels in their order."""
        return self.order

    def fill(self, cells: RowCells, out: np.ndarray) -> None:
        """Write the standardized places into `out` (n, 1)."""
        codes, levels = cells.levels(self.name)
        standard = Standard(self.median, self.mean, self.scale)
        out[:, 0] = standard.apply(_places(np.array(levels, dtype=object), self.order))[codes]

    def learned_by(self, narrower: Self | None) -> Self:
        """Return this input with other numbers."""
        own = Standard() if narrower is None else narrower
        return replace(self, median=own.median, mean=own.mean, scale=own.scale)

    def examine(self, cells: RowCells) -> tuple[CellCounts, ...]:
        """Return the missing cells, and those of levels that are not in the order."""
        counts = count_levels(self.name, cells, set(self.order), MissingBecomes.MEDIAN)
        return (replace(counts, unseen_becomes_median=True),)


def _places(levels: np.ndarray, order: tuple[str, ...]) -> np.ndarray:
    """Return the place of each level in the order, NaN where it is none of them."""
    place = {level: float(number) for number, level in enumerate(order)}
    return np.array([place.get(level, np.nan) for level in levels], dtype=np.float64)
