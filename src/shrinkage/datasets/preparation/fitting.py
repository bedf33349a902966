"""What preprocessing learns from the rows it is given: one function per kind of column.

Who uses this: `Preprocessing.fit`. Only the given rows reach a median, a mean, a scale or a list of
levels; the type of a column and whether it is an identifier are judged on all rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from shrinkage.datasets.columns import plain_row, require_finite, typed_series
from shrinkage.datasets.preparation.encoders import (
    CategoryInputs,
    Encoder,
    NumericInputs,
    level_codes,
)
from shrinkage.errors import InputError

MOST_LEVELS = 1000
"""A column of categories with more levels than this is refused."""

ALWAYS_ALLOWED = 10
"""So many levels are fine however few rows there are."""

COLUMNS_AT_ONCE = 64
"""Columns of an array that are copied at once: bounds the memory, not the result."""

Dropped = tuple[str, str]
"""A raw column and the reason it is no input."""

Fitted = tuple[tuple[Encoder, ...], tuple[Dropped, ...]]
"""The encoders, and the columns that make no input."""


def fit_array(X: np.ndarray, rows: np.ndarray, columns: tuple[str, ...]) -> Fitted:
    """Fit an array of numbers.

    Args:
        X: (n, d) numbers; NaN means missing.
        rows: (m,) the rows to learn from.
        columns: d names.

    Returns:
        `(encoders, dropped)`.

    Raises:
        InputError: an infinite value, or a spread that is not finite.

    >>> fit_array(np.array([[1.0], [3.0]]), np.arange(2), ("x",))[0][0].means
    (2.0,)
    """
    fits: dict[str, tuple[float, float, float] | str] = {}
    for start in range(0, len(columns), COLUMNS_AT_ONCE):
        names = columns[start : start + COLUMNS_AT_ONCE]
        block = np.ascontiguousarray(X[rows, start : start + len(names)].T)
        fits.update(
            (name, _fit_numeric(values, rows, name))
            for name, values in zip(names, block, strict=True)
        )
    numeric, dropped = _gather(fits)
    return (numeric,), dropped


def fit_frame(X: pd.DataFrame, rows: np.ndarray, columns: tuple[str, ...]) -> Fitted:
    """Fit a table: numbers first, then categories, each in table order.

    Args:
        X: n rows, d columns.
        rows: (m,) the rows to learn from.
        columns: the d names, as text.

    Returns:
        `(encoders, dropped)`.

    Raises:
        InputError: a bad cell, or a column of identifiers.

    >>> fit_frame(pd.DataFrame({"city": ["b", "a"]}), np.arange(2), ("city",))[0][0].levels
    ('a', 'b')
    """
    fits: dict[str, tuple[float, float, float] | str] = {}
    categories: list[Encoder] = []
    dropped: list[Dropped] = []
    for place, name in enumerate(columns):
        series = typed_series(name, X.iloc[:, place])
        if series.dtype == np.float64:
            fits[name] = _fit_numeric(series.to_numpy()[rows], rows, name)
            continue
        found = _fit_category(series, rows, name)
        if isinstance(found, str):
            dropped.append((name, found))
        else:
            categories.append(found)
    numeric, without = _gather(fits)
    encoders = (*([numeric] if numeric.names else []), *categories)
    order = {name: place for place, name in enumerate(columns)}
    reasons = sorted([*without, *dropped], key=lambda pair: order[pair[0]])
    return encoders, tuple(reasons)


def _gather(
    fits: Mapping[str, tuple[float, float, float] | str],
) -> tuple[NumericInputs, tuple[Dropped, ...]]:
    kept = {name: fit for name, fit in fits.items() if not isinstance(fit, str)}
    parts = (tuple(fit[part] for fit in kept.values()) for part in range(3))
    medians, means, scales = parts
    dropped = tuple((name, fit) for name, fit in fits.items() if isinstance(fit, str))
    return NumericInputs(tuple(kept), medians, means, scales), dropped


def _fit_numeric(
    values: np.ndarray, rows: np.ndarray, name: str
) -> tuple[float, float, float] | str:
    """Return median, mean and scale, or the reason why the column can be no input."""
    values = values.astype(np.float64)
    require_finite(values, name, lambda row: plain_row(int(rows[row])))
    missing = np.isnan(values)
    if missing.all():
        return "missing in all training rows"
    with np.errstate(over="ignore", invalid="ignore"):
        median = float(np.median(values[~missing]))
        filled = np.where(missing, median, values)
        if filled.min() == filled.max():
            return "constant on the training rows"
        mean, scale = float(filled.mean()), float(filled.std())
    if not (np.isfinite(mean) and np.isfinite(scale)):
        raise InputError(
            f"column {name!r}: expected numbers whose spread is finite, got values up to "
            f"{np.abs(filled).max():.3g}: rescale the column"
        )
    return (median, mean, scale) if scale > 0 else "constant to working precision"


def _fit_category(series: pd.Series, rows: np.ndarray, name: str) -> CategoryInputs | str:
    """Return the levels of the fit rows, or the reason why the column can be no input."""
    codes, found = level_codes(series)
    levels_everywhere = len(found) - 1
    if levels_everywhere > min(MOST_LEVELS, max(ALWAYS_ALLOWED, len(series) / 2)):
        raise InputError(
            f"column {name!r}: expected categories that several rows share, got "
            f"{levels_everywhere} different ones in {len(series)} rows (an identifier?): drop it"
        )
    here = [found[code] for code in np.unique(codes[rows])]
    if here == [None]:
        return "missing in all training rows"
    if len(here) == 1:
        return "constant on the training rows"
    levels = sorted(level for level in here if level is not None)
    levels = (*levels, *([None] if None in here else []))
    return CategoryInputs(name, levels, (True,) * len(levels))
