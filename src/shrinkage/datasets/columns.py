"""What type a column is: numbers or categories.

Cells are read as text and judged here, so that no reader guesses. The rule: a missing cell is
one of `MISSING`; a column whose other cells are all numbers is numeric; one with at least 90 %
numbers is numeric too, and its first other cell an error that names row and column; everything
else is categories, kept verbatim.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from shrinkage.errors import InputError

MISSING = ("", "NA", "NaN", "nan", "null", "NULL", "None", "?")
"""Cells that mean `missing`, after blanks around them are removed."""

NUMERIC_SHARE = 0.9
"""From this share of numeric cells on, a column is meant to be numeric."""

Locate = Callable[[int], str]
"""Turns a row number, counted from 0, into words: `data row 3 (line 4)`."""


def plain_row(row: int) -> str:
    """Return the row, counted from 1, for data that have no lines.

    >>> plain_row(0)
    'row 1'
    """
    return f"row {row + 1}"


def text_cells(values: object) -> pa.ChunkedArray:
    """Return cells as one column of text, missing ones as null.

    >>> text_cells(["a", None]).to_pylist()
    ['a', None]
    """
    cells = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([_as_text(values)])
    blank = pc.is_in(pc.utf8_trim_whitespace(cells), value_set=pa.array(MISSING))  # pyright: ignore[reportAttributeAccessIssue]
    return pc.if_else(blank, pa.scalar(None, pa.string()), cells)  # pyright: ignore[reportAttributeAccessIssue]


def _as_text(values: object) -> pa.Array:
    series = pd.Series(values, dtype=object)
    try:
        return pa.array(series, pa.string(), from_pandas=True)
    except (pa.ArrowTypeError, pa.ArrowInvalid):  # other objects than text among the cells
        pass
    missing = series.isna().to_numpy()
    text = [None if gone else str(cell) for cell, gone in zip(series, missing, strict=True)]
    return pa.array(text, pa.string())


def numbers(cells: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Read text as numbers.

    Args:
        cells: text, null where missing.

    Returns:
        `(values, bad)`: float64 values, NaN where missing or bad; and where a cell is no number.

    >>> numbers(text_cells(["1", " 2.5", "NA", "x"]))
    (array([1. , 2.5, nan, nan]), array([False, False, False,  True]))
    """
    trimmed = pc.utf8_trim_whitespace(cells)  # pyright: ignore[reportAttributeAccessIssue]
    missing = trimmed.is_null().to_numpy()
    try:
        values = trimmed.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        values = _numbers_among_text(trimmed)
    return values, np.isnan(values) & ~missing


def _numbers_among_text(trimmed: pa.ChunkedArray) -> np.ndarray:
    """Return float64, NaN where a cell is no number; every different cell is read once."""
    codes, levels = pd.factorize(trimmed.to_numpy())
    found = pd.to_numeric(pd.Series(levels, dtype=object), errors="coerce")
    return np.append(np.asarray(found, dtype=np.float64), np.nan)[codes]


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
    found, bad = numbers(cells)
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
    require_finite(found, name, locate, lambda row: cells[row].as_py())
    return pd.Series(found, name=name)


def require_finite(
    values: np.ndarray,
    name: str,
    locate: Locate = plain_row,
    cell: Callable[[int], object] | None = None,
) -> None:
    """Raise when a value is infinite; NaN, which means missing, is allowed.

    Args:
        values: (n,) floats.
        name: the column's name.
        locate: words for a row.
        cell: the cell as it was written.

    Raises:
        InputError: names row and column.

    >>> require_finite(np.array([1.0, np.nan]), "age")
    """
    infinite = np.isinf(values)
    if infinite.any():
        row = int(np.argmax(infinite))
        got = values[row].item() if cell is None else cell(row)
        raise InputError(
            f"column {name!r}, {locate(row)}: expected a finite number, got {got!r}: "
            "correct it or leave it empty"
        )


def typed_series(name: str, series: pd.Series, locate: Locate = plain_row) -> pd.Series:
    """Return a column of a table in memory as float64 or category.

    Numbers stay numbers, booleans and categories become categories, and text is judged like the
    cells of a file by `typed_column`.

    Args:
        name: the column's name.
        series: the column.
        locate: words for a row.

    Returns:
        A series of dtype float64 or category.

    Raises:
        InputError: dates, nested values or complex numbers; bad cells.

    >>> typed_series("ok", pd.Series([True, False])).cat.categories.tolist()
    ['False', 'True']
    """
    types = pd.api.types
    if isinstance(series.dtype, pd.CategoricalDtype) or types.is_bool_dtype(series.dtype):
        return _categories(name, series)
    if types.is_numeric_dtype(series.dtype) and not types.is_complex_dtype(series.dtype):
        values = series.to_numpy(np.float64, na_value=np.nan)
        require_finite(values, name, locate)
        return pd.Series(values, name=name)
    if types.is_string_dtype(series.dtype) or _plain_cells(series):
        return typed_column(name, series.to_numpy(object), locate)
    raise InputError(
        f"column {name!r}: expected numbers, text, booleans or categories, got "
        f"{series.dtype}: turn it into numbers or drop it"
    )


def _plain_cells(series: pd.Series) -> bool:
    """Return whether a column of objects holds only text, numbers, booleans and missing cells."""
    if series.dtype != object:
        return False
    import decimal

    plain = (str, bool, int, float, np.number, np.bool_, decimal.Decimal)
    return all(isinstance(cell, plain) for cell in series[series.notna()])


def _categories(name: str, series: pd.Series) -> pd.Series:
    categorical = pd.Categorical(series)
    levels = [level_text(level) for level in categorical.categories]
    cells = np.array([*levels, None], dtype=object)[categorical.codes]
    return pd.Series(pd.Categorical(cells), name=name)


def level_text(level: object) -> str:
    """Return the text of one category: whole floats are written like whole numbers.

    >>> level_text(2.0), level_text("2"), level_text(True)
    ('2', '2', 'True')
    """
    if isinstance(level, float) and level.is_integer():
        return str(int(level))
    return str(level)
