"""Tables of SQLite and DuckDB files, opened for reading only.

Named as `sqlite:FILE:TABLE` or `duckdb:FILE:TABLE`; the file alone does where it holds one table.
Source: https://docs.python.org/3/library/sqlite3.html, https://duckdb.org/docs/api/python.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from shrinkage.datasets.formats.arrow import frame_table
from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.formats.tables import FrameTable, nested_columns, table_format
from shrinkage.datasets.formats.text_columns import refuse_equal_names
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.wording import listed, one_line
from shrinkage.errors import InputError, near_names

SQLITE_TABLES = (
    "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
)
DUCKDB_TABLES = "SELECT table_name FROM information_schema.tables"


def read_sqlite(content: FileContent, _options: ReadOptions) -> FrameTable:
    """Read a table of a SQLite file.

    Raises:
        InputError: no such table, several and none named, or a damaged file.
    """
    address = f"file:{quote(str(_file_of(content).resolve()))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            tables = [str(name) for (name,) in connection.execute(SQLITE_TABLES)]
            table = chosen_table(tables, content, "sqlite")
            frame = pd.read_sql_query(f"SELECT * FROM {_quoted(table)}", connection)
    except (sqlite3.Error, pd.errors.DatabaseError, UnicodeDecodeError) as error:
        raise InputError(
            f"expected a readable SQLite file, got {one_line(error, 100)}: check the file"
        ) from error
    if frame.empty:
        raise InputError(f"expected rows in table {table!r}, got none: name another table")
    refuse_equal_names(list(frame.columns))
    notes = (*content.notes, f"table {table!r} of the database")
    return FrameTable(frame, notes, unreadable=nested_columns(frame))


def read_duckdb(content: FileContent, _options: ReadOptions) -> FrameTable:
    """Read a table of a DuckDB file.

    Raises:
        InputError: DuckDB is not installed; no such table, several and none named.
    """
    try:
        import duckdb  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise InputError(
            "expected the package duckdb for a DuckDB file, got none: pip install duckdb, or write "
            "the table as Parquet (COPY t TO 't.parquet')"
        ) from error
    try:
        with duckdb.connect(str(_file_of(content)), read_only=True) as connection:
            tables = [name for (name,) in connection.execute(DUCKDB_TABLES).fetchall()]
            table = chosen_table(tables, content, "duckdb")
            arrow = connection.sql(f"SELECT * FROM {_quoted(table)}").to_arrow_table()
    except duckdb.Error as error:
        raise InputError(
            f"expected a readable DuckDB file, got {one_line(error, 100)}: check the file"
        ) from error
    return frame_table(arrow, (*content.notes, f"table {table!r} of the database"))


def chosen_table(tables: list[str], content: FileContent, prefix: str) -> str:
    """Return the table that is named, or the only one.

    Raises:
        InputError: there is no such table, or there are several and none is named.

    >>> chosen_table(["people"], FileContent("a.db", "a.db", b""), "sqlite")
    'people'
    """
    if content.part is not None:
        if content.part in tables:
            return content.part
        near = near_names(content.part, tables) or f"there are {listed(tables)}"
        raise InputError(f"expected a table {content.part!r}, got none: {near}")
    if len(tables) != 1:
        raise InputError(
            f"expected one table in the database, got {listed(tables) or 'none'}: name one as in "
            f"{prefix}:{content.name}:TABLE"
        )
    return tables[0]


def _file_of(content: FileContent) -> Path:
    if content.path is None or content.packed:
        raise InputError("expected a database as a file of its own, got a packed one: unpack it")
    return content.path


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


SQLITE = table_format(read_sqlite)
DUCKDB = table_format(read_duckdb)
