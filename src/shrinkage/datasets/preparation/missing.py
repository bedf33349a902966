"""Indicators of missing cells: 1 where the cell of a number, a date or an ordinal is missing.

A median hides that a cell was empty, and that may mean something (a test that nobody ordered).
scikit-learn's MissingIndicator is the same; here a column gets one where enough fit rows miss it.
Source: https://scikit-learn.org/stable/modules/impute.html#marking-imputed-values
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from shrinkage.datasets.column_readings import LEAST_MARKED
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.preparation.base import DroppedColumn, Encoder, FitTarget
from shrinkage.datasets.preparation.row_cells import RowCells


@dataclass(frozen=True)
class MissingInputs(Encoder):
    """One input a column that has missing cells; `active` says whether these fit rows had enough.

    >>> MissingInputs(("age",), ("numeric",), (True,)).input_names
    ('age is missing',)
    """

    kind: ClassVar[str] = "missing"

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    active: tuple[bool, ...]

    @classmethod
    def fit(
        cls, columns: InputColumns, rows: np.ndarray, target: FitTarget | None
    ) -> tuple[tuple[Self, ...], tuple[DroppedColumn, ...]]:
        """Take the columns with enough missing cells."""
        del target
        lacking = columns.with_missing
        marked = _marked(columns) if lacking else ()
        pairs = [
            (name, columns.kind(name).value)
            for name in lacking
            if name in marked and _enough(columns, rows, name)
        ]
        if not pairs:
            return (), ()
        names, kinds = zip(*pairs, strict=True)
        return (cls(names, kinds, (True,) * len(names)),), ()

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return `column is missing` for each."""
        return tuple(f"{name} is missing" for name in self.names)

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the columns."""
        return self.names

    def fill(self, cells: RowCells, out: np.ndarray) -> None:
        """Write ones where cells are missing into `out` (n, columns)."""
        for place, (name, kind) in enumerate(zip(self.names, self.kinds, strict=True)):
            out[:, place] = cells.are_missing(name, ColumnKind(kind)) if self.active[place] else 0.0

    def learned_by(self, narrower: Self | None) -> Self:
        """Return these columns; those without enough missing cells in `narrower` are not active."""
        own = () if narrower is None else narrower.names
        return type(self)(self.names, self.kinds, tuple(name in own for name in self.names))


def _marked(columns: InputColumns) -> set[str]:
    """Return the columns whose other inputs do not say themselves that a cell is missing."""
    numbers = (ColumnKind.NUMERIC, ColumnKind.DATE)
    return {
        *(name for kind in numbers for name in columns.of_kind(kind)),
        *columns.encoded_as("ordinal"),
        *columns.encoded_as("hash"),
    }


def _enough(columns: InputColumns, rows: np.ndarray, name: str) -> bool:
    """Return whether the fit rows have enough missing cells, and some that are not missing."""
    lacks = int(columns.missing(rows, name).sum())
    asked = columns.spec(name).indicator
    least = 1 if asked else max(1.0, LEAST_MARKED * len(rows))
    return asked is not False and least <= lacks < len(rows)
