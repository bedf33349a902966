"""What type a column is: numbers or categories.

Cells are read as text and judged here, so that no reader guesses. The rule: a missing cell is
one of `MISSING`; a column whose other cells are all numbers is numeric; one with at least 90 %
numbers is numeric too, and its first other cell an error that names row and column; everything
else is categories, kept verbatim.
"""

from __future__ import annotations

import decimal

import numpy as np
import pandas as pd

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.cells import (
    Locate,
    level_text,
    numbers,
    plain_row,
    require_finite,
    text_cells,
)
from shrinkage.errors import InputError

NUMERIC_SHARE = 0.9
"""From this share of numeric cells on, a column is meant to be numeric."""


def is_real(series: pd.Series) -> bool:
    """Return whether a column holds numbers (booleans too), none of them complex.

    >>> is_real(pd.Series([1, 2])), is_real(pd.Series(["1"]))
    (True, False)
    """
    types = pd.api.types
    return types.is_numeric_dtype(series.dtype) and not types.is_complex_dtype(series.dtype)


def typed_column(name: str, values: object, locate: Locate = plain_row) -> pd.Series:
    """Return text cells as a column of float64, or of categories.

    Args:
        name: the column's name, for messages.
        values: the cells: text, None or NaN where missing.
        locate: words for a row.

    Returns:
        A series of dtype float64 (NaN where missing) or category (levels in sorted order).

    Raises:
        InputError: at least 90 % of the cells are numbers but not all; or one is infinite.

    >>> typed_column("age", ["31", "?", "44"]).tolist()
    [31.0, nan, 44.0]
    >>> typed_column("city", ["Bern", "Basel", "7"]).cat.categories.tolist()
    ['7', 'Basel', 'Bern']
    """
    cells = text_cells(values)
    read, bad = numbers(cells)
    present = len(cells) - cells.null_count
    count_bad = int(bad.sum())
    if present and count_bad > (1 - NUMERIC_SHARE) * present + 1e-9:
        return pd.Series(pd.Categorical(cells.to_numpy()), name=name)
    if count_bad:
        row = int(np.argmax(bad))
        raise InputError(
            f"column {name!r}, {locate(row)}: expected a number as in "
            f"{present - count_bad} of its {present} cells, got {cells[row].as_py()!r}: "
            "correct it, leave it empty, or drop the column"
        )
    require_finite(read, name, locate, lambda row: cells[row].as_py())
    return pd.Series(read, name=name)


def typed_series(name: str, series: pd.Series, locate: Locate = plain_row) -> pd.Series:
    """Return a column of a table in memory as float64 or category.

    Numbers stay numbers, booleans and categories become categories, and text is judged like the
    cells of a file by `typed_column`.

    Args:
        name: the column's name.
        series: the column.
        locate: words for a row.

    Returns:
        A series of dtype float64 or category (of text, levels in sorted order).

    Raises:
        InputError: dates, nested values or complex numbers; bad cells.

    >>> typed_series("ok", pd.Series([True, False])).cat.categories.tolist()
    ['False', 'True']
    """
    types = pd.api.types
    if isinstance(series.dtype, pd.CategoricalDtype) or types.is_bool_dtype(series.dtype):
        return _categories(name, series)
    if is_real(series):
        values = series.to_numpy(np.float64, na_value=np.nan)
        require_finite(values, name, locate)
        return pd.Series(values, name=name)
    if types.is_string_dtype(series.dtype) or _holds_plain_cells(series):
        return typed_column(name, series.to_numpy(object), locate)
    raise InputError(
        f"column {name!r}: expected numbers, text, booleans or categories, got "
        f"{series.dtype}: turn it into numbers or drop it"
    )


def _holds_plain_cells(series: pd.Series) -> bool:
    """Return whether a column of objects holds only text, numbers, booleans and missing cells."""
    plain = (str, bool, int, float, np.number, np.bool_, decimal.Decimal)
    return series.dtype == object and all(
        isinstance(cell, plain) for cell in series[series.notna()]
    )


def _categories(name: str, series: pd.Series) -> pd.Series:
    categorical = pd.Categorical(series)
    levels = [level_text(level) for level in categorical.categories]
    cells = np.array([*levels, None], dtype=object)[categorical.codes]
    return pd.Series(pd.Categorical(cells), name=name)


def values_as_numbers(name: str, series: pd.Series, rule: CellRule | None = None) -> np.ndarray:
    """Return a column that was numeric in training as float64, whatever type it has now.

    Args:
        name: the column's name.
        series: numbers, or text that spells numbers.
        rule: how the cells were read in training; None: plainly.

    Returns:
        float64 (n,), NaN where missing.

    Raises:
        InputError: a cell is no number, or infinite; names row and column.

    >>> values_as_numbers("age", pd.Series(["31", "?"])).tolist()
    [31.0, nan]
    """
    del rule
    if is_real(series):
        values = series.to_numpy(np.float64, na_value=np.nan)
        require_finite(values, name)
        return values
    cells = text_cells(series.to_numpy(object))
    values, bad = numbers(cells)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"column {name!r}, {plain_row(row)}: expected a number as in training, got "
            f"{cells[row].as_py()!r}: correct it or leave it empty"
        )
    require_finite(values, name, cell=lambda row: cells[row].as_py())
    return values


def values_as_dates(name: str, series: pd.Series, rule: CellRule) -> np.ndarray:
    """Return a column that was dates in training as datetime64, whatever type it has now.

    Args:
        name: the column's name.
        series: dates, or text that spells dates.
        rule: how the cells were read in training.

    Returns:
        datetime64 (n,) in nanoseconds of universal time, NaT where missing.

    Raises:
        InputError: a cell is no date; names row and column.

    >>> rule = CellRule.from_dict({"kind": "date", "date_format": "%d.%m.%Y"})
    >>> values_as_dates("day", pd.Series(["1.3.2024"]), rule).astype("datetime64[D]").tolist()
    [datetime.date(2024, 3, 1)]
    """
    form = rule.date_format or "ISO8601"
    dates = pd.to_datetime(series, format=form, errors="coerce", utc=True)
    bad = dates.isna() & series.notna()
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"column {name!r}, {plain_row(row)}: expected a date as in training, got "
            f"{series.iloc[row]!r}: correct it or leave it empty"
        )
    return dates.dt.tz_localize(None).to_numpy("datetime64[ns]")


def values_as_levels(
    series: pd.Series, rule: CellRule | None = None
) -> tuple[np.ndarray, list[str | None]]:
    """Return a column that was categories in training as codes into a list of levels.

    Args:
        series: text, numbers, booleans or categories.
        rule: how the cells were read in training; None: plainly.

    Returns:
        `(codes, levels)`: (n,) positions in `levels`, whose last one is None, the missing cell.

    >>> values_as_levels(pd.Series(["b", None, "b"]))
    (array([0, 1, 0]), ['b', None])
    """
    del rule
    cells = series.astype(object)
    typed = isinstance(series.dtype, pd.CategoricalDtype)
    if not typed and not pd.api.types.is_numeric_dtype(series.dtype):
        cells = pd.Series(text_cells(cells.to_numpy()).to_numpy())
    codes, levels = pd.factorize(cells)
    return np.where(codes < 0, len(levels), codes), [*map(level_text, levels), None]
