"""Raw rows as encoders read them: each column by the rule that it was read by in training.

Who uses this: `Preprocessing` makes one for the rows that it transforms or examines; encoders ask
it for numbers, levels or dates by the name of a column. What was read once is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.cells import require_finite
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.columns import values_as_dates, values_as_levels, values_as_numbers
from shrinkage.datasets.dataset import RawRows


@dataclass(frozen=True, eq=False)
class RowCells:
    """Rows of a table or an array.

    Args:
        X: a DataFrame whose columns are named by text, or an array (n, d).
        columns: the names of the d columns of an array.
        rules: how the cells of each column are read.
        positions: (n,) the numbers of the rows in the table that was learned from, where they are
            rows of it; None: other rows.
    """

    X: RawRows
    columns: tuple[str, ...]
    rules: Mapping[str, CellRule]
    positions: np.ndarray | None = None
    _read: dict[str, tuple] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.X)

    def rule(self, name: str, kind: ColumnKind) -> CellRule:
        """Return how the cells of a column are read: the plain rule of its kind unless told."""
        return self.rules.get(name, CellRule(kind))

    def numbers(self, name: str) -> np.ndarray:
        """Return a column as float64 (n,), NaN where missing."""
        if isinstance(self.X, np.ndarray):
            values = self.X[:, self._places[name]].astype(np.float64)
            require_finite(values, name)
            return values
        if name not in self._read:
            rule = self.rule(name, ColumnKind.NUMERIC)
            self._read[name] = (values_as_numbers(name, self._series(name), rule),)
        return self._read[name][0]

    def levels(self, name: str) -> tuple[np.ndarray, list[str | None]]:
        """Return a column as codes (n,) into a list of levels, whose last one is None: missing."""
        if name not in self._read:
            rule = self.rule(name, ColumnKind.CATEGORY)
            self._read[name] = values_as_levels(self._series(name), rule)
        return self._read[name]

    def dates(self, name: str) -> np.ndarray:
        """Return a column as datetime64 (n,), NaT where missing."""
        if name not in self._read:
            rule = self.rule(name, ColumnKind.DATE)
            self._read[name] = (values_as_dates(name, self._series(name), rule),)
        return self._read[name][0]

    def are_missing(self, name: str, kind: ColumnKind) -> np.ndarray:
        """Return which cells of a column are missing, (n,)."""
        if kind is ColumnKind.DATE:
            return np.isnat(self.dates(name))
        if kind is ColumnKind.NUMERIC:
            return np.isnan(self.numbers(name))
        codes, levels = self.levels(name)
        return np.array([level is None for level in levels])[codes]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.columns)}

    def _series(self, name: str) -> pd.Series:
        if isinstance(self.X, np.ndarray):
            return pd.Series(self.X[:, self._places[name]], name=name)
        return self.X[name]  # pyright: ignore[reportReturnType]
