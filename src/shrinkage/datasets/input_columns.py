"""The input columns of a table or an array, judged once for all folds.

Who uses this: `Dataset.columns`, and whatever learns from training rows. What a column is, and
whether it is an identifier, is judged on all rows, so that all folds agree; what is learned from a
column is learned in the folds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec
from shrinkage.datasets.columns import judge_columns
from shrinkage.datasets.refusing import refuse_columns
from shrinkage.errors import InputError


@dataclass(frozen=True)
class LevelCounts:
    """How many rows have each level of a column, and how many miss it."""

    levels: Mapping[str, int]
    missing: int


@dataclass(frozen=True, eq=False)
class InputColumns:
    """Raw columns, and what each of them is.

    Args:
        names: the columns, in order.
        kinds: what each is.
        values: an array (n, d) of numbers, or the typed columns by name: float64, category
            (ordered for an ordinal) or datetime64.
        rules: how the cells of each are read, by name.
        specs: what a person said about columns, by name.

    >>> table = pd.DataFrame({"age": ["31", "44", "?"], "city": ["Bern", "Basel", "Bern"]})
    >>> columns = InputColumns.of(table)
    >>> columns.of_kind(ColumnKind.NUMERIC), columns.of_kind(ColumnKind.CATEGORY)
    (('age',), ('city',))
    """

    names: tuple[str, ...]
    kinds: tuple[ColumnKind, ...]
    values: np.ndarray | Mapping[str, pd.Series] = field(repr=False)
    rules: Mapping[str, CellRule] = field(default_factory=dict, repr=False)
    specs: Mapping[str, ColumnSpec] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        X: pd.DataFrame | np.ndarray,
        *,
        image: bool = False,
        shaped: bool = False,
        names: Sequence[str] | None = None,
        rules: Mapping[str, CellRule] | None = None,
        specs: Mapping[str, ColumnSpec] | None = None,
    ) -> InputColumns:
        """Judge the columns of a DataFrame, or take those of an array of numbers or pixels.

        Args:
            X: a DataFrame, or an array (n, d) of numbers.
            image: the columns are pixels (uint8).
            shaped: the columns are numbers of inputs that have shapes.
            names: the d column names of an array; `x0`, `x1`, … unless told.
            rules: how the cells of columns that are judged already were read, by name.
            specs: what a person said about columns, by name.

        Raises:
            InputError: neither table nor numbers, equal names, a bad cell, an identifier column.
        """
        columns = _column_names(X, names)
        if image:
            _require_bytes(X)
            return cls(columns, (ColumnKind.PIXELS,) * len(columns), np.asarray(X))
        if shaped:
            return cls(columns, (ColumnKind.SHAPED,) * len(columns), np.asarray(X))
        said = specs or {}
        if isinstance(X, np.ndarray):
            return cls(columns, (ColumnKind.NUMERIC,) * len(columns), X, specs=said)
        known = rules or {}
        errors: dict[str, str] = {}
        judged = judge_columns(
            [(name, X.iloc[:, i]) for i, name in enumerate(columns) if name not in known],
            said,
            refused=errors,
        )
        refuse_columns((column.reading for column in judged), errors)
        typed = {column.reading.name: column.values for column in judged}
        own = {column.reading.name: column.reading.rule for column in judged}
        values = {
            name: typed[name] if name in typed else X.iloc[:, place]
            for place, name in enumerate(columns)
        }
        read = {name: known[name] if name in known else own[name] for name in columns}
        return cls(columns, tuple(read[name].kind for name in columns), values, read, said)

    def __len__(self) -> int:
        """Return the number of rows."""
        if isinstance(self.values, np.ndarray):
            return len(self.values)
        return len(self.values[self.names[0]]) if self.names else 0

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def _missing_somewhere(self) -> np.ndarray:
        """Which columns of an array miss a cell, looked at once for all fits."""
        values = np.asarray(self.values)
        if values.dtype.kind != "f":
            return np.zeros(len(self.names), dtype=bool)
        return np.asarray(np.isnan(values).any(axis=0))

    @property
    def with_missing(self) -> tuple[str, ...]:
        """Return the columns that may miss a cell: of an array those that do, of a table all."""
        if not isinstance(self.values, np.ndarray):
            return self.names
        return tuple(self.names[place] for place in np.flatnonzero(self._missing_somewhere))

    def of_kind(self, kind: ColumnKind) -> tuple[str, ...]:
        """Return the names of the columns of one kind, in order."""
        return tuple(name for name, own in zip(self.names, self.kinds, strict=True) if own is kind)

    def kind(self, name: str) -> ColumnKind:
        """Return what a column is."""
        return self.kinds[self._places[name]]

    def spec(self, name: str) -> ColumnSpec:
        """Return what a person said about a column."""
        return self.specs.get(name, ColumnSpec())

    def encoded_as(self, encoding: str) -> tuple[str, ...]:
        """Return the columns with levels that become inputs so; see `column_specs.ENCODINGS`.

        >>> InputColumns.of(pd.DataFrame({"city": ["Bern", "Basel"]})).encoded_as("one-hot")
        ('city',)
        """
        return tuple(name for name, own in self._encodings if own == encoding)

    @cached_property
    def _encodings(self) -> tuple[tuple[str, str], ...]:
        """Return the columns with levels, and how each becomes inputs."""
        usual = {ColumnKind.CATEGORY: "one-hot", ColumnKind.ORDINAL: "ordinal"}
        return tuple(
            (name, self.spec(name).encode or usual[kind])
            for name, kind in zip(self.names, self.kinds, strict=True)
            if kind in usual
        )

    def of_rows(self, rows: np.ndarray) -> InputColumns:
        """Return the columns of some rows.

        >>> len(InputColumns.of(pd.DataFrame({"age": [31.0, 44.0]})).of_rows(np.array([1])))
        1
        """
        if isinstance(self.values, np.ndarray):
            return replace(self, values=self.values[rows])
        values = {name: column.iloc[rows] for name, column in self.values.items()}
        return replace(self, values=values)

    def level_counts(self, rows: np.ndarray, name: str) -> LevelCounts:
        """Return how many of some rows have each level of a column, in sorted order.

        >>> columns = InputColumns.of(pd.DataFrame({"city": ["Bern", None, "Basel", "Bern"]}))
        >>> columns.level_counts(np.array([0, 1, 3]), "city")
        LevelCounts(levels={'Bern': 2}, missing=1)
        """
        column = pd.Categorical(self.values[name])  # pyright: ignore[reportArgumentType]
        missing, *counts = np.bincount(column.codes[rows] + 1, minlength=len(column.categories) + 1)
        met = {str(level): int(n) for level, n in zip(column.categories, counts, strict=True) if n}
        order = met if column.ordered else sorted(met)
        return LevelCounts({level: met[level] for level in order}, int(missing))

    def missing(self, rows: np.ndarray, name: str) -> np.ndarray:
        """Return which of some rows miss a column, (rows,)."""
        if isinstance(self.values, np.ndarray):
            place = self._places[name]
            if not self._missing_somewhere[place]:
                return np.zeros(len(rows), dtype=bool)
            return np.isnan(self.values[rows, place])
        column = self.values[name]
        cells = column.to_numpy() if column.dtype == np.float64 else column
        return np.asarray(pd.isna(cells))[rows]

    def numbers(self, rows: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """Return rows of numeric columns as float64 (rows, names), NaN where missing.

        Columns lie one after the other in memory, so that a sum over rows adds in one order
        however many columns there are.
        """
        if isinstance(self.values, np.ndarray):
            places = np.array([self._places[name] for name in names], dtype=np.intp)
            return np.asfortranarray(self.values[np.ix_(rows, places)], dtype=np.float64)
        return np.array([self.values[name].to_numpy()[rows] for name in names]).T

    def rule(self, name: str) -> CellRule:
        """Return how the cells of a column are read: the plain rule of its kind unless told."""
        return self.rules.get(name, CellRule(self.kinds[self._places[name]]))

    def rule_on(self, rows: np.ndarray, name: str) -> CellRule:
        """Return how the cells of a column are read, of a category's levels those in some rows.

        >>> columns = InputColumns.of(pd.DataFrame({"city": ["Bern", "Basel", "Bern"]}))
        >>> columns.rule_on(np.array([0, 2]), "city").levels
        ('Bern',)
        """
        rule = self.rule(name)
        if rule.kind is not ColumnKind.CATEGORY or isinstance(self.values, np.ndarray):
            return rule
        met = self.values[name].iloc[rows].cat.remove_unused_categories().cat.categories
        return replace(rule, levels=tuple(map(str, met)))

    def dates(self, rows: np.ndarray, name: str) -> np.ndarray:
        """Return rows of a column of dates as datetime64, NaT where missing.

        >>> table = pd.DataFrame({"day": pd.to_datetime(["2024-03-01", None])})
        >>> columns = InputColumns(("day",), (ColumnKind.DATE,), {"day": table["day"]})
        >>> columns.dates(np.array([1, 0]), "day").astype("datetime64[D]").tolist()
        [None, datetime.date(2024, 3, 1)]
        """
        return np.asarray(self.values[name])[rows]  # pyright: ignore[reportArgumentType, reportCallIssue]

    def cells(self, rows: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """Return rows of categories as text (rows, names), None where missing.

        >>> table = pd.DataFrame({"city": ["Bern", None, "Basel"]})
        >>> InputColumns.of(table).cells(np.array([0, 1]), ["city"]).tolist()
        [['Bern'], [None]]
        """
        out = np.empty((len(rows), len(names)), dtype=object)
        for place, name in enumerate(names):
            column = pd.Categorical(self.values[name])  # pyright: ignore[reportArgumentType]
            levels = np.array([*column.categories, None], dtype=object)
            out[:, place] = levels[column.codes[rows]]
        return out


def _column_names(X: object, names: Sequence[str] | None) -> tuple[str, ...]:
    if isinstance(X, pd.DataFrame):
        columns = tuple(str(name) for name in X.columns)
    elif isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "buif":
        columns = tuple(names) if names is not None else tuple(f"x{i}" for i in range(X.shape[1]))
        if len(columns) != X.shape[1]:
            raise InputError(f"expected {X.shape[1]} names, got {len(columns)}: name every column")
    else:
        raise InputError(
            f"expected a DataFrame or an array (n, d) of numbers, got {type(X).__name__} of shape "
            f"{np.asarray(X).shape}: convert it"
        )
    if len(set(columns)) < len(columns):
        raise InputError("expected different column names, got equal ones: rename them")
    return columns


def _require_bytes(X: object) -> None:
    if not isinstance(X, np.ndarray) or X.dtype != np.uint8:
        got = X.dtype if isinstance(X, np.ndarray) else type(X).__name__
        raise InputError(
            f"expected pictures as an array of uint8, got {got}: "
            "pass image=False to standardize columns instead"
        )
