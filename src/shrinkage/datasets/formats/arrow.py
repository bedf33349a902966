"""Parquet, Feather and ORC files, read by pyarrow; their own column types stay.

Who uses this: the formats of this folder, DuckDB, and folders of parts. Dates stay dates,
dictionaries become categories, fields of structs columns; lists, maps and bytes are no cells and
are refused by name when a column of them is used.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.orc
import pyarrow.parquet

from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.formats.tables import FrameTable, table_format
from shrinkage.datasets.formats.text_columns import is_name_of_index, refuse_equal_names
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.wording import listed, one_line
from shrinkage.errors import InputError


def frame_table(table: pa.Table, notes: tuple[str, ...] = ()) -> FrameTable:
    """Return an Arrow table as a table of columns.

    Args:
        table: the table.
        notes: what was decided before.

    Raises:
        InputError: no rows, or equal names.

    >>> lists = pa.table({"a": [[1], [2]], "b": [1, 2]})
    >>> frame_table(lists).unreadable
    {'a': 'a list in every cell'}
    """
    if table.num_rows == 0:
        raise InputError("expected rows, got none: add data")
    while structs := [own.name for own in table.schema if pa.types.is_struct(own.type)]:
        notes += (f"the fields of structs are columns: those of {listed(structs)}",)
        table = table.flatten()
    refuse_equal_names(table.column_names)
    index = [name for name in table.column_names if is_name_of_index(name)]
    if index:
        notes += (f"a saved index was left out: {listed(index)}",)
        table = table.drop_columns(index)
    unreadable = {
        field.name: what for field in table.schema if (what := _no_cell(field.type)) is not None
    }
    simple = table.drop_columns(list(unreadable))
    try:
        simple.validate(full=True)  # a damaged file may hold text that is none
        frame = _plain(simple).to_pandas(date_as_object=False, ignore_metadata=True)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(
            f"expected columns of plain types, got others ({one_line(error, 100)}): write them as "
            "numbers, text or dates"
        ) from error
    for name in unreadable:
        frame[name] = None
    return FrameTable(frame[table.column_names], notes, unreadable=unreadable)


def _no_cell(kind: pa.DataType) -> str | None:
    """Return what a column holds when that is no number, text, date or truth value."""
    types = pa.types
    if types.is_map(kind):
        return "a map in every cell"
    if types.is_nested(kind):
        return "a list in every cell"
    binary = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)
    return "bytes in every cell" if any(test(kind) for test in binary) else None


def _plain(table: pa.Table) -> pa.Table:
    """Return decimals as floats, and extension types as what they are stored as."""
    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            column = table.column(place).cast(pa.float64())
            table = table.set_column(place, field.name, column)
    return table


def _reader(
    read: Callable[[object], pa.Table], what: str
) -> Callable[[FileContent, ReadOptions], FrameTable]:
    def read_table(content: FileContent, _options: ReadOptions) -> FrameTable:
        try:
            table = read(content.stream())
        except (OSError, ValueError, pa.ArrowException) as error:
            raise InputError(
                f"expected {what}, got something unreadable ({one_line(error, 100)}): write it "
                "again"
            ) from error
        return frame_table(table, content.notes)

    return read_table


def _read_ipc(stream: object) -> pa.Table:
    """Read Arrow's file format (Feather), or its stream format."""
    try:
        return pyarrow.feather.read_table(stream)
    except pa.ArrowInvalid:
        stream.seek(0)  # pyright: ignore[reportAttributeAccessIssue]
        return pyarrow.ipc.open_stream(stream).read_all()


PARQUET = table_format(_reader(pyarrow.parquet.read_table, "a Parquet file"))
FEATHER = table_format(_reader(_read_ipc, "an Arrow file (Feather)"))
ORC = table_format(_reader(pyarrow.orc.read_table, "an ORC file"))
