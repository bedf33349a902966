"""A folder of parts of one table, as Spark, Dask and DuckDB write it.

Names of folders such as `year=2020` are a column (hive). Parquet, Feather and ORC are read by
pyarrow's datasets; parts of text are read one after the other.
Source: https://arrow.apache.org/docs/python/dataset.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote

import pandas as pd
import pyarrow as pa
import pyarrow.dataset

from shrinkage.datasets.formats.arrow import frame_table
from shrinkage.datasets.formats.content import content_of
from shrinkage.datasets.formats.csv_text import read_csv_text
from shrinkage.datasets.formats.kinds import FileKind, kind_of
from shrinkage.datasets.formats.tables import NamedColumns
from shrinkage.datasets.formats.text_table import TextTable, text_frame
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.wording import listed, naming, one_line
from shrinkage.errors import InputError

DELTA_LOG = "_delta_log"
ARROW_NAMES: Mapping[FileKind, str] = MappingProxyType(
    {FileKind.PARQUET: "parquet", FileKind.FEATHER: "feather", FileKind.ORC: "orc"}
)
"""What pyarrow calls the kinds that it reads in parts."""


def part_files(folder: Path) -> list[Path]:
    """Return the files of a folder and of those in it, in order, without hidden and marker files.

    >>> part_files(Path("nowhere"))
    []
    """
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        path
        for path in files
        if not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    )


def read_parts(folder: Path, options: ReadOptions) -> NamedColumns:
    """Read the parts of one table.

    Args:
        folder: the folder.
        options: of reading, for parts of text.

    Raises:
        InputError: no files, files of several kinds or with different columns, or a bad part.
    """
    if (folder / DELTA_LOG).is_dir():
        raise InputError(
            "expected parts of one table, got a Delta table, which also holds rows that were "
            "deleted: write it as Parquet (deltalake.DeltaTable(folder).to_pandas().to_parquet)"
        )
    files = part_files(folder)
    kinds = {kind: path for path in files if (kind := _kind(path, folder)) is not None}
    if len(kinds) != 1 or not {*kinds} <= {*ARROW_NAMES, FileKind.TEXT}:
        names = listed(path.relative_to(folder).as_posix() for path in files) or "nothing"
        raise InputError(
            f"expected parts of one table (all Parquet, Feather, ORC or text), or "
            f"train-images-idx3-ubyte and train-labels-idx1-ubyte, got {names}: name a file, a "
            "folder of parts or a folder of IDX files"
        )
    kind = next(iter(kinds))
    names = listed(path.relative_to(folder).as_posix() for path in files)
    note = f"{len(files)} files were read as one table: {names}"
    if kind is FileKind.TEXT:
        return _text_parts(folder, files, options, note)
    return frame_table(_arrow_parts(folder, files, ARROW_NAMES[kind]), (note,))


def _kind(path: Path, folder: Path) -> FileKind:
    with naming(path.relative_to(folder).as_posix()):
        return kind_of(content_of(path))


def _arrow_parts(folder: Path, files: Sequence[Path], name: str) -> pa.Table:
    try:
        known = {
            "format": name,
            "partitioning": pyarrow.dataset.partitioning(flavor="hive"),
            "partition_base_dir": str(folder),
        }
        sources = [str(path) for path in files]
        parts = pyarrow.dataset.dataset(sources, **known)
        own = [(part.path, part.physical_schema) for part in parts.get_fragments()]
        _require_equal_names(folder, [(Path(path), schema.names) for path, schema in own])
        schemas = [parts.schema, *(schema for _, schema in own)]
        joined = pa.unify_schemas(schemas, promote_options="permissive")
        return pyarrow.dataset.dataset(sources, schema=joined, **known).to_table()
    except (OSError, ValueError, pa.ArrowException) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"expected parts of one table, got something unreadable ({one_line(error, 150)}): "
            "write them again"
        ) from error


def _require_equal_names(folder: Path, parts: Sequence[tuple[Path, Sequence[str]]]) -> None:
    """Raise when a part lacks a column or has a further one."""
    first, names = parts[0]
    for path, own in parts[1:]:
        different = sorted({*names} ^ {*own})
        if different:
            raise InputError(
                f"expected the same columns in all parts, got {listed(different)} in only one of "
                f"{first.name!r} and {path.relative_to(folder).as_posix()!r}: give parts of one "
                "table"
            )


@dataclass(frozen=True, eq=False)
class TextParts:
    """Parts of text one below the other, as `NamedColumns`.

    Args:
        cells: all rows.
        parts: the name and the table of each part.
        notes: what was decided while reading.
        read_options: how the first part was read.
    """

    cells: pa.Table = field(repr=False)
    parts: tuple[tuple[str, TextTable], ...] = field(repr=False)
    notes: tuple[str, ...]
    read_options: ReadOptions

    @property
    def names(self) -> tuple[str, ...]:
        """Return the column names."""
        return tuple(self.cells.column_names)

    @property
    def separator(self) -> str:
        """Return what stood between the cells."""
        return self.parts[0][1].separator

    def column(self, name: str) -> pa.ChunkedArray:
        """Return the cells of a column, verbatim."""
        return self.cells.column(name)

    def raw(self) -> pd.DataFrame:
        """Return the cells as text, verbatim."""
        return text_frame(self.cells)

    def locate(self, row: int) -> str:
        """Return `data row r (line l) of 'part'`, r counted in that part."""
        for name, table in self.parts:
            if row < table.cells.num_rows:
                return f"{table.locate(row)} of {name!r}"
            row -= table.cells.num_rows
        raise IndexError(row)


def _text_parts(folder: Path, files: Sequence[Path], options: ReadOptions, note: str) -> TextParts:
    parts: list[tuple[str, TextTable]] = []
    tables: list[pa.Table] = []
    for path in files:
        name = path.relative_to(folder).as_posix()
        with naming(name):
            table = read_csv_text(content_of(path), options)
        parts.append((name, table))
        tables.append(_with_folders(table.cells, path.relative_to(folder).parts[:-1]))
        options = table.read_options.inherit()
    names = [Path(name) for name, _ in parts]
    _require_equal_names(
        Path(), [(name, t.column_names) for name, t in zip(names, tables, strict=True)]
    )
    first = parts[0][1]
    order = tables[0].column_names
    joined = pa.concat_tables([table.select(order) for table in tables])
    return TextParts(joined, tuple(parts), (note, *first.notes), first.read_options)


def _with_folders(cells: pa.Table, folders: Sequence[str]) -> pa.Table:
    """Return a part with the columns that its folders name."""
    for folder in folders:
        name, equals, value = folder.partition("=")
        if equals:
            column = pa.array([unquote(value)] * cells.num_rows, pa.string())
            cells = cells.append_column(unquote(name), column)
    return cells
