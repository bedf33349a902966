"""Numbers: missing cells become the median, then `(x − mean) / scale`.

scikit-learn's SimpleImputer and StandardScaler learn the three; the scale is the population
standard deviation.
Source: https://scikit-learn.org/stable/modules/preprocessing.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from shrinkage.datasets.cells import plain_row, require_finite_block
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.columns import values_as_numbers
from shrinkage.datasets.dataset import RawRows
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.preparation.base import (
    CONSTANT,
    MISSING_EVERYWHERE,
    NEARLY_CONSTANT,
    DroppedColumn,
    Encoder,
)
from shrinkage.errors import InputError

ROWS_AT_ONCE = 8192
"""Rows of an array that are transformed at once: bounds the memory, not the result."""

COLUMNS_AT_ONCE = 64
"""Columns that are fitted at once: bounds the memory, not the result."""


@dataclass(frozen=True)
class NumericInputs(Encoder):
    """One input a column: missing → median of the fit rows, then `(x − mean) / scale`.

    A scale of 0 marks an input that is always 0: its column was constant on the fit rows.

    >>> NumericInputs(("age",), (31.0,), (30.0,), (2.0,)).input_names
    ('age',)
    """

    kind: ClassVar[ColumnKind] = ColumnKind.NUMERIC

    names: tuple[str, ...]
    medians: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]

    @classmethod
    def fit(
        cls, columns: InputColumns, rows: np.ndarray
    ) -> tuple[tuple[Self, ...], tuple[DroppedColumn, ...]]:
        """Learn medians, means and scales; see `Encoder.fit`."""
        numeric = columns.of_kind(cls.kind)
        learned: dict[str, tuple[float, ...]] = {}
        dropped: list[DroppedColumn] = []
        for start in range(0, len(numeric), COLUMNS_AT_ONCE):
            names = numeric[start : start + COLUMNS_AT_ONCE]
            block = columns.numbers(rows, names)
            require_finite_block(block, names, lambda row: plain_row(int(rows[row])))
            empty = np.isnan(block).all(axis=0)
            dropped += [(names[place], MISSING_EVERYWHERE) for place in np.flatnonzero(empty)]
            filled_names = [names[place] for place in np.flatnonzero(~empty)]
            for name, (reason, *values) in zip(
                filled_names, _learn(block.T[~empty].T, filled_names), strict=True
            ):
                if reason:
                    dropped.append((name, reason))
                else:
                    learned[name] = tuple(values)
        if not learned:
            return (), tuple(dropped)
        medians, means, scales = zip(*learned.values(), strict=True)
        return (cls(tuple(learned), medians, means, scales),), tuple(dropped)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return the column names."""
        return self.names

    def fill(self, X: RawRows, columns: tuple[str, ...], out: np.ndarray) -> None:
        """Write the standardized columns into `out` (n, inputs)."""
        median, mean, scale = map(np.array, (self.medians, self.means, self.scales))
        if isinstance(X, pd.DataFrame):
            for place, name in enumerate(self.names):
                values = values_as_numbers(name, X[name])  # pyright: ignore[reportArgumentType]
                out[:, place] = _standardize(values, median[place], mean[place], scale[place])
            return
        position = {name: place for place, name in enumerate(columns)}
        places = np.array([position[name] for name in self.names], dtype=np.intp)
        for start in range(0, len(X), ROWS_AT_ONCE):
            block = X[start : start + ROWS_AT_ONCE, places].astype(np.float64)
            require_finite_block(block, self.names, lambda row, start=start: plain_row(start + row))
            out[start : start + ROWS_AT_ONCE] = _standardize(block, median, mean, scale)

    def learned_by(self, narrower: Self | None) -> Self:
        """Return these inputs with other numbers; see `Encoder.learned_by`."""
        own: dict[str, tuple[float, ...]] = {}
        if narrower is not None:
            numbers = zip(narrower.medians, narrower.means, narrower.scales, strict=True)
            own = dict(zip(narrower.names, numbers, strict=True))
        rows = (own.get(name, (0.0, 0.0, 0.0)) for name in self.names)
        return type(self)(self.names, *zip(*rows, strict=True))


def _learn(block: np.ndarray, names: list[str]) -> list[tuple]:
    """Return for each column `(reason to drop it or "", median, mean, scale)`."""
    if not names:
        return []
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import StandardScaler

    with np.errstate(over="ignore", invalid="ignore"):
        # the function, not the word "median", whose masked arrays take ten times as long
        imputer = SimpleImputer(strategy=np.median).fit(block)  # pyright: ignore[reportArgumentType]
        medians = np.asarray(imputer.statistics_)
        _require_finite_spread(medians, block, names)
        filled = np.asarray(imputer.transform(block))
        scaler = StandardScaler().fit(filled)
    means, variances = np.asarray(scaler.mean_), np.asarray(scaler.var_)
    _require_finite_spread(means + variances, block, names)
    # not `scale_`: that is 1 where scikit-learn holds a column for constant
    scales = np.sqrt(variances)
    constant = filled.min(axis=0) == filled.max(axis=0)
    reasons = np.where(constant, CONSTANT, np.where(scales > 0, "", NEARLY_CONSTANT))
    learned = (reasons, medians, means, scales)
    return list(zip(*(values.tolist() for values in learned), strict=True))


def _require_finite_spread(numbers: np.ndarray, block: np.ndarray, names: list[str]) -> None:
    bad = ~np.isfinite(numbers)
    if bad.any():
        column = int(np.argmax(bad))
        raise InputError(
            f"column {names[column]!r}: expected numbers whose spread is finite, got values up to "
            f"{np.nanmax(np.abs(block[:, column])):.3g}: rescale the column"
        )


def _standardize(
    values: np.ndarray, median: np.ndarray, mean: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    filled = np.where(np.isnan(values), median, values)
    filled -= mean
    filled /= np.where(scale > 0, scale, 1.0)
    filled[..., scale == 0] = 0.0
    return filled
