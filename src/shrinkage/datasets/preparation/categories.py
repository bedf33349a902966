"""Categories: one input a level, 1 where the cell is that level and else 0.

scikit-learn's OneHotEncoder learns the levels; a missing cell is a level of its own.
Source: https://scikit-learn.org/stable/modules/preprocessing.html#encoding-categorical-features
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.columns import values_as_levels
from shrinkage.datasets.dataset import RawRows
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.preparation.base import (
    CONSTANT,
    MISSING_EVERYWHERE,
    DroppedColumn,
    Encoder,
)


@dataclass(frozen=True)
class CategoryInputs(Encoder):
    """The levels of one column, in sorted order.

    `None` is the level of missing cells, the last one, there only if the fit rows had some. Levels
    that are not `seen` (they come from other rows), and levels never met, give zeros.

    >>> CategoryInputs("city", ("Bern", None), (True, True)).input_names
    ('city=Bern', 'city is missing')
    """

    kind: ClassVar[ColumnKind] = ColumnKind.CATEGORY

    name: str
    levels: tuple[str | None, ...]
    seen: tuple[bool, ...]

    @classmethod
    def fit(
        cls, columns: InputColumns, rows: np.ndarray
    ) -> tuple[tuple[Self, ...], tuple[DroppedColumn, ...]]:
        """Learn the levels of each column; see `Encoder.fit`."""
        names = columns.of_kind(cls.kind)
        if not names:
            return (), ()
        from sklearn.preprocessing import OneHotEncoder

        learned = OneHotEncoder().fit(columns.cells(rows, names)).categories_
        levels_of = {name: tuple(levels) for name, levels in zip(names, learned, strict=True)}
        encoders = tuple(
            cls(name, levels, (True,) * len(levels))
            for name, levels in levels_of.items()
            if len(levels) > 1
        )
        dropped = tuple(
            (name, MISSING_EVERYWHERE if levels == (None,) else CONSTANT)
            for name, levels in levels_of.items()
            if len(levels) == 1
        )
        return encoders, dropped

    @property
    def key(self) -> str:
        """Return the kind and the column: each has an encoder of its own."""
        return f"{self.kind.value} {self.name}"

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return `column=level`, or `column is missing`."""
        return tuple(
            f"{self.name} is missing" if level is None else f"{self.name}={level}"
            for level in self.levels
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the column's name once for every level."""
        return (self.name,) * len(self.levels)

    def fill(self, X: RawRows, columns: tuple[str, ...], out: np.ndarray) -> None:
        """Write zeros and ones into `out` (n, levels)."""
        cells = (
            pd.Series(X[:, columns.index(self.name)]) if isinstance(X, np.ndarray) else X[self.name]
        )
        codes, levels = values_as_levels(cells)  # pyright: ignore[reportArgumentType]
        place = {level: i for i, level in enumerate(self.levels) if self.seen[i]}
        target = np.array([place.get(level, -1) for level in levels], dtype=np.intp)[codes]
        rows = np.flatnonzero(target >= 0)
        out[:] = 0
        out[rows, target[rows]] = 1

    def learned_by(self, narrower: Self | None) -> Self:
        """Return these levels, those that `narrower` lacks as never seen."""
        met = () if narrower is None else narrower.levels
        return replace(self, seen=tuple(level in met for level in self.levels))
