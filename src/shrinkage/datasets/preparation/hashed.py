"""Levels hashed into a fixed number of inputs, for columns of very many levels.

scikit-learn's FeatureHasher puts each level into one input, as 1 or −1; nothing is learned, so a
level that training never saw has its place too, and two levels may share one.
Source: https://scikit-learn.org/stable/modules/feature_extraction.html#feature-hashing
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.preparation.base import (
    CONSTANT,
    MISSING_EVERYWHERE,
    ColumnEncoder,
    DroppedColumn,
    FitTarget,
)
from shrinkage.datasets.preparation.cell_counts import CellCounts, MissingBecomes
from shrinkage.datasets.preparation.row_cells import RowCells

WIDTH = 64
"""Inputs of a hashed column."""


@dataclass(frozen=True)
class HashedInputs(ColumnEncoder):
    """`width` inputs of a column, one of which is 1 or −1; a missing cell has zeros.

    >>> HashedInputs("city", 2).input_names
    ('city (hash 1)', 'city (hash 2)')
    """

    kind: ClassVar[str] = "hash"

    name: str
    width: int
    active: bool = True

    @classmethod
    def fit(
        cls, columns: InputColumns, rows: np.ndarray, target: FitTarget | None
    ) -> tuple[tuple[Self, ...], tuple[DroppedColumn, ...]]:
        """Take the columns; there is nothing to learn but whether they vary."""
        del target
        encoders, dropped = [], []
        for name in columns.encoded_as("hash"):
            counts = columns.level_counts(rows, name)
            if len(counts.levels) + (counts.missing > 0) > 1:
                encoders.append(cls(name, WIDTH))
            else:
                dropped.append((name, CONSTANT if counts.levels else MISSING_EVERYWHERE))
        return tuple(encoders), tuple(dropped)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return `column (hash i)` for each."""
        return tuple(f"{self.name} (hash {number + 1})" for number in range(self.width))

    def fill(self, cells: RowCells, out: np.ndarray) -> None:
        """Write 1 or −1 into one of the inputs of `out` (n, width)."""
        out[:] = 0
        if not self.active:
            return
        from sklearn.feature_extraction import FeatureHasher

        codes, levels = cells.levels(self.name)
        hasher = FeatureHasher(self.width, input_type="string", dtype=np.float64)  # pyright: ignore[reportArgumentType]
        hashed = hasher.transform([[] if level is None else [level] for level in levels])
        out[:] = hashed.toarray()[codes]

    def learned_by(self, narrower: Self | None) -> Self:
        """Return these inputs; always 0 where the column did not vary."""
        return type(self)(self.name, self.width, narrower is not None)

    def examine(self, cells: RowCells) -> tuple[CellCounts, ...]:
        """Return the missing cells: every level has a place."""
        lacks = int(cells.are_missing(self.name, ColumnKind.CATEGORY).sum())
        becomes = MissingBecomes.ZEROS
        return (CellCounts(self.name, len(cells), missing=lacks, missing_becomes=becomes),)
