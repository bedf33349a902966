"""Many short columns of text judged at once: a table of 20,000 columns is mostly plain numbers.

Who uses this: `judge_columns`. What costs in such a table is not the cells but the calls for each
column, so the cells of many columns are laid behind each other and looked at together. A column
is judged here only where nothing about it is open; every other one goes the way of `judge_text`,
and what is judged here would be judged there alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_readings import ColumnReading
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.judging.base import EXAMPLES, FileHints, JudgedColumn, ends
from shrinkage.datasets.judging.plain import EXACT, GROUPED, PLAIN, ZEROS

MOST_CELLS = 500_000
"""Of so many together; columns of more than half of them are judged alone."""

_FIRST_DAY, _LAST_DAY = 19_000_101, 20_991_231
"""Whole numbers between these may be dates."""

_RULE = CellRule(ColumnKind.NUMERIC)


def judge_many(columns: Sequence[tuple[str, object]]) -> dict[str, JudgedColumn]:
    """Return the columns that are plain numbers for certain, by name.

    Args:
        columns: `(name, cells)` of each; those that are no text are left aside.

    >>> from shrinkage.datasets.cells import text_cells
    >>> cells = {"a": ["1", "2.5"], "b": ["x", "1"], "c": ["007", "008"]}
    >>> list(judge_many([(name, text_cells(text)) for name, text in cells.items()]))
    ['a']
    """
    text = [
        (name, cast(pa.ChunkedArray, cells))
        for name, cells in columns
        if isinstance(cells, pa.ChunkedArray)
    ]
    text = [(name, cells) for name, cells in text if cells.type == pa.string() and len(cells)]
    rows = {len(cells) for _, cells in text}
    if len(rows) != 1:
        return {}
    count = MOST_CELLS // rows.pop()
    if count < 2:
        return {}
    judged = {}
    for start in range(0, len(text), count):
        judged |= _judge_block(text[start : start + count])
    return judged


def _judge_block(columns: Sequence[tuple[str, pa.ChunkedArray]]) -> dict[str, JudgedColumn]:
    shape = len(columns), len(columns[0][1])
    laid = pa.concat_arrays([chunk for _, cells in columns for chunk in cells.chunks])
    cells = pc.utf8_trim_whitespace(laid).fill_null("")  # pyright: ignore[reportAttributeAccessIssue]

    def where(pattern: str) -> np.ndarray:
        found = pc.match_substring_regex(cells, pattern)  # pyright: ignore[reportAttributeAccessIssue]
        return found.to_numpy(zero_copy_only=False).reshape(shape)

    empty = pc.equal(cells, "").to_numpy(zero_copy_only=False).reshape(shape)  # pyright: ignore[reportAttributeAccessIssue]
    plain = (where(PLAIN) | empty).all(axis=1) & ~empty.all(axis=1) & ~where(ZEROS).any(axis=1)
    numbers = _numbers(cells, np.repeat(plain, shape[1]), empty).reshape(shape)
    pointed = np.any(where(r"\."), axis=1)
    grouped = pointed & (where(GROUPED) | empty).all(axis=1)
    days = (np.isnan(numbers) | ((numbers >= _FIRST_DAY) & (numbers <= _LAST_DAY))).all(axis=1)
    large = (np.abs(numbers) >= EXACT).any(axis=1)
    certain = plain & ~grouped & ~days & ~large
    places: list[int] = np.flatnonzero(certain).tolist()
    return {
        columns[place][0]: _judged(
            columns[place][0], numbers[place], cells, place, bool(pointed[place])
        )
        for place in places
    }


def _numbers(cells: pa.Array, wanted: np.ndarray, empty: np.ndarray) -> np.ndarray:
    """Return the numbers of the cells of some columns, NaN elsewhere, in one long row."""
    numbers = np.full(len(cells), np.nan)
    present = wanted & ~empty.ravel()
    numbers[present] = cells.filter(pa.array(present)).cast(pa.float64()).to_numpy()
    return numbers


def _judged(
    name: str, numbers: np.ndarray, cells: pa.Array, place: int, pointed: bool
) -> JudgedColumn:
    known = numbers[~np.isnan(numbers)]
    first = place * len(numbers) + np.flatnonzero(~np.isnan(numbers))[:EXAMPLES]
    least, most = ends(known)
    reading = ColumnReading(
        name,
        ColumnKind.NUMERIC,
        _RULE,
        rows=len(numbers),
        missing=len(numbers) - len(known),
        levels=len(np.unique(known)),
        examples=tuple(cells[row].as_py() for row in first.tolist()),
        least=least,
        most=most,
    )
    return JudgedColumn(pd.Series(numbers, name=name), reading, FileHints("." if pointed else ""))
