"""A table of text cells: what files of text and sheets of workbooks are read as.

Nothing is typed here but on demand: a column that is dropped is never judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import pandas as pd
import pyarrow as pa

from shrinkage.datasets.formats.dialect import TextRow
from shrinkage.datasets.formats.text_columns import named_columns, without_empty_rows
from shrinkage.datasets.formats.top import TableTop
from shrinkage.datasets.read_options import LOOK, ReadOptions
from shrinkage.errors import InputError


@dataclass(frozen=True)
class TextTable:
    """A file's cells as text; a column is typed only when asked for, so bad ones can be dropped.

    Args:
        cells: the columns.
        rows: yields the rows again, with the lines at which they start.
        notes: what was decided while reading.
        read_options: how the file was read.
        separator: what stood between the cells, of a file of text.
    """

    cells: pa.Table = field(repr=False)
    rows: Callable[[], Iterator[TextRow]] = field(repr=False)
    notes: tuple[str, ...] = ()
    read_options: ReadOptions = LOOK
    separator: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the column names."""
        return tuple(self.cells.column_names)

    def column(self, name: str) -> pa.ChunkedArray:
        """Return the cells of a column, verbatim."""
        return self.cells.column(name)

    def raw(self) -> pd.DataFrame:
        """Return the cells as text, verbatim."""
        return text_frame(self.cells)

    def locate(self, row: int) -> str:
        """Return `data row r (line l)`: both count from 1, the header being line 1 or later."""
        record = next(islice(self.rows(), row, None), None)
        return f"data row {row + 1}" + (f" (line {record.line})" if record else "")


def text_frame(cells: pa.Table) -> pd.DataFrame:
    """Return columns of text as a table of objects; one block, for tables may be very wide.

    >>> text_frame(pa.table({"a": ["1", "x"]})).to_dict("list")
    {'a': ['1', 'x']}
    """
    block = np.empty((cells.num_columns, cells.num_rows), dtype=object)
    for place, column in enumerate(cells.columns):
        block[place] = column.to_numpy()
    return pd.DataFrame(block.T, columns=cells.column_names, dtype=object)


def text_table(
    cells: pa.Table,
    top: TableTop,
    rows: Callable[[], Iterator[TextRow]],
    notes: tuple[str, ...],
    options: ReadOptions,
    separator: str = "",
) -> TextTable:
    """Return a table under its names, without empty rows, a saved index and empty columns.

    Args:
        cells: the columns below the top, in the order of the file.
        top: what stands above.
        rows: yields the rows that are not empty.
        notes: what was decided so far.
        options: how the file was to be read.
        separator: what stands between the cells.

    Raises:
        InputError: no rows, or equal names.
    """
    cells = without_empty_rows(cells)
    if cells.num_rows == 0:
        raise InputError("expected rows below the header, got none: add data")
    table, told = named_columns(cells, top.names)
    is_told = bool(options.names) or options.header is not None
    header = top.header if is_told else None
    kept = replace(options, names=tuple(table.column_names), header=header)
    return TextTable(table, rows, (*notes, *told), kept, separator)
