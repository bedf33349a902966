"""What a column of text is: numbers, dates or categories, by a look at all its cells.

Who uses this: `columns`, for text of files and of tables in memory. A column is numeric from 90 %
of numbers on, missing words left aside, and its first other cell is then an error that names row
and column; the same for dates. Everything else is categories. What a person said about the column
comes before what its cells look like.
"""

from __future__ import annotations

import pyarrow as pa

from shrinkage.datasets.cells import DistinctCells, Locate, plain_row
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec
from shrinkage.datasets.judging.base import NO_HINTS, FileHints, JudgedColumn, TextColumn
from shrinkage.datasets.judging.dates import judge_dates
from shrinkage.datasets.judging.levels import judge_levels
from shrinkage.datasets.judging.missing_words import plain_word
from shrinkage.datasets.judging.numbers import judge_numbers
from shrinkage.datasets.judging.plain import judge_plain
from shrinkage.errors import InputError


def judge_text(
    name: str,
    cells: pa.ChunkedArray,
    spec: ColumnSpec,
    hints: FileHints = NO_HINTS,
    locate: Locate = plain_row,
) -> JudgedColumn:
    """Return a column of text as numbers, dates or categories.

    Args:
        name: the column's name, for messages.
        cells: the cells, verbatim; null where the reader found none.
        spec: what a person said about the column.
        hints: what the rest of the file proves.
        locate: words for a row.

    Raises:
        InputError: numbers or dates with few other cells; what a person said does not fit.

    >>> from shrinkage.datasets.cells import text_cells
    >>> judge_text("age", text_cells(["31", "?", "-", "44"]), ColumnSpec()).values.tolist()
    [31.0, nan, nan, 44.0]
    """
    kind = spec.said_kind
    plain = judge_plain(name, cells, spec, hints, locate) if kind is None else None
    if plain is not None:
        return plain
    column = TextColumn(name, cells, DistinctCells.of(cells), spec, locate)
    if kind is None:
        return judge_dates(column, hints) or judge_numbers(column, hints) or judge_levels(column)
    if kind is ColumnKind.DATE:
        return _required(column, judge_dates(column, hints, said=True), "dates")
    if kind is ColumnKind.NUMERIC:
        return _required(column, judge_numbers(column, hints, said=True), "numbers")
    return judge_levels(column)


def _required(column: TextColumn, judged: JudgedColumn | None, what: str) -> JudgedColumn:
    if judged is None:
        example = next((t for t in column.distinct.texts if plain_word(t)), "")
        raise InputError(
            f"column {column.name!r}: expected {what} as columns.toml says, got text such as "
            f"{example!r}: correct what it says, or the cells"
        )
    return judged
