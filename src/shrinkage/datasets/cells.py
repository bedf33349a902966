"""What a cell says: text, a number, a category, or nothing.

Who uses this: the judgement of columns, and rows that are prepared for a finished model. One rule
for both, so that a file means in prediction what it meant in training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from shrinkage.errors import InputError

MISSING = ("", "NA", "NaN", "nan", "null", "NULL", "None", "?")
"""Cells of a first line that name no column."""

Locate = Callable[[int], str]
"""Turns a row number, counted from 0, into words: `data row 3 (line 4)`."""


def plain_row(row: int) -> str:
    """Return the row, counted from 1, for data that have no lines.

    >>> plain_row(0)
    'row 1'
    """
    return f"row {row + 1}"


def text_cells(values: object) -> pa.ChunkedArray:
    """Return cells as one column of text, verbatim; what no reader found a cell in is null.

    >>> text_cells(["a", None]).to_pylist()
    ['a', None]
    """
    return values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([_as_text(values)])


def _as_text(values: object) -> pa.Array:
    series = pd.Series(values, dtype=object)
    try:
        return pa.array(series, pa.string(), from_pandas=True)
    except (pa.ArrowTypeError, pa.ArrowInvalid):  # other objects than text among the cells
        text = series.map(str, na_action="ignore")
        return pa.array(text, pa.string(), from_pandas=True)


@dataclass(frozen=True, eq=False)
class DistinctCells:
    """The different texts of a column, without blanks around them, and where each stands.

    Args:
        texts: (d,) in the order in which they come.
        counts: (d,) how often each occurs.
        codes: (n,) the place of each cell in `texts`, -1 where the reader found no cell.
    """

    texts: tuple[str, ...]
    counts: np.ndarray
    codes: np.ndarray

    @classmethod
    def of(cls, cells: pa.ChunkedArray) -> DistinctCells:
        """Return the different cells of a column of text.

        >>> DistinctCells.of(text_cells(["b", " b ", None, "a"])).texts
        ('b', 'a')
        """
        trimmed = pc.utf8_trim_whitespace(cells)  # pyright: ignore[reportAttributeAccessIssue]
        encoded = trimmed.combine_chunks().dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.intp)
        texts = tuple(encoded.dictionary.to_pylist())
        return cls(texts, np.bincount(codes[codes >= 0], minlength=len(texts)), codes)

    def spread(self, values: np.ndarray, empty: object) -> np.ndarray:
        """Return the value of each cell, (n,), from those of the distinct texts, (d,).

        >>> DistinctCells.of(text_cells(["b", "b", None])).spread(np.array([2.0]), np.nan).tolist()
        [2.0, 2.0, nan]
        """
        return np.append(values, np.array([empty], dtype=values.dtype))[self.codes]

    def first_row(self, wanted: np.ndarray) -> int:
        """Return the first row whose text is one of those wanted, a mask (d,)."""
        return int(np.argmax(self.spread(wanted, False)))


def plain_numbers(cells: pa.ChunkedArray) -> np.ndarray | None:
    """Return the numbers of a column in which every cell is empty or a plain number, else None.

    The fast way for most columns of numbers; NaN where a cell is empty or spells NaN.

    >>> plain_numbers(text_cells(["1", " 2.5", ""])).tolist(), plain_numbers(text_cells(["1,5"]))
    ([1.0, 2.5, nan], None)
    """
    trimmed = pc.utf8_trim_whitespace(cells)  # pyright: ignore[reportAttributeAccessIssue]
    empty = pc.equal(trimmed, "")  # pyright: ignore[reportAttributeAccessIssue]
    present = pc.if_else(empty, pa.scalar(None, pa.string()), trimmed)  # pyright: ignore[reportAttributeAccessIssue]
    try:
        return present.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return None


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
