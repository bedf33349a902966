"""What a cell says: text, a number, a category, or nothing.

Who uses this: the judgement of columns, and rows that are prepared for a finished model. One rule
for both, so that a file means in prediction what it meant in training.
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
        text = series.map(str, na_action="ignore")
        return pa.array(text, pa.string(), from_pandas=True)


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
    except pa.ArrowInvalid:  # text among the numbers: every different cell is read once
        codes, levels = pd.factorize(trimmed.to_numpy())
        read = pd.to_numeric(pd.Series(levels, dtype=object), errors="coerce")
        values = np.append(np.asarray(read, dtype=np.float64), np.nan)[codes]
    return values, np.isnan(values) & ~missing


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


def require_finite_block(
    block: np.ndarray, names: tuple[str, ...], locate: Locate = plain_row
) -> None:
    """Raise when a value of several columns, (n, columns), is infinite; see `require_finite`.

    >>> require_finite_block(np.array([[1.0, np.nan]]), ("age", "height"))
    """
    infinite = np.isinf(block).any(axis=0)
    if infinite.any():
        column = int(np.argmax(infinite))
        require_finite(block[:, column], names[column], locate)


def level_text(level: object) -> str:
    """Return the text of one category: whole floats are written like whole numbers.

    >>> level_text(2.0), level_text("2"), level_text(True)
    ('2', '2', 'True')
    """
    if isinstance(level, float) and level.is_integer():
        return str(int(level))
    return str(level)
