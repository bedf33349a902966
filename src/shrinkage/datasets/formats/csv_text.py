"""CSV and TSV files as text, cell by cell, with the errors a person can act on.

pyarrow reads the cells (it refuses ragged rows, where pandas fills short ones in silence); the
standard library's csv module reads the header and, when something is wrong, finds the line.
Source: https://arrow.apache.org/docs/python/csv.html, RFC 4180.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv

from shrinkage.datasets.cells import plain_numbers, text_cells
from shrinkage.datasets.formats.tables import table_format
from shrinkage.datasets.wording import header_doubt, one_line
from shrinkage.errors import InputError

SEPARATORS = (",", ";", "\t")
BLOCK_BYTES = 1 << 24


@dataclass(frozen=True)
class TextTable:
    """A file's cells as text; a column is typed only when asked for, so bad ones can be dropped."""

    path: Path
    names: tuple[str, ...]
    separator: str
    cells: pa.Table = field(repr=False)

    def column(self, name: str) -> pa.ChunkedArray:
        """Return the cells of a column, verbatim."""
        return self.cells.column(name)

    def raw(self) -> pd.DataFrame:
        """Return the cells as text, verbatim."""
        text = {name: self.cells.column(name).to_numpy() for name in self.names}
        return pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in text.items()})

    def locate(self, row: int) -> str:
        """Return `data row r (line l)`: both count from 1, the header being line 1 or later."""
        for number, (line, _) in enumerate(records(self.path, self.separator)):
            if number == row + 1:
                return f"data row {row + 1} (line {line})"
        return f"data row {row + 1}"


def open_bytes(path: Path) -> IO[bytes]:
    """Open a plain or gzip-compressed file as bytes."""
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def open_text(path: Path) -> IO[str]:
    """Open a plain or gzip-compressed file as UTF-8 text, without a byte order mark."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open("r", encoding="utf-8-sig", newline="")


def records(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield `(line, cells)` for every record that is not blank; `line` is where it starts."""
    with open_text(path) as file:
        reader = csv.reader(file, delimiter=separator)
        start = 1
        for cells in reader:
            if cells:
                yield start, cells
            start = reader.line_num + 1


def read_csv_text(path: Path) -> TextTable:
    """Read a CSV or TSV file as text.

    The separator is a tab in `.tsv` files; else the one of comma, semicolon and tab that gives the
    header the most cells. Column names lose the blanks around them; cells are kept verbatim.

    Args:
        path: `.csv`, `.csv.gz`, `.tsv` or `.tsv.gz`, UTF-8, the first record being the header.

    Returns:
        The table of text.

    Raises:
        InputError: unreadable, empty, no header, ragged rows, equal names, no rows.
    """
    try:
        separator, names = _header(path)
        _check_header(path, names)
        cells = _read(path, separator, names)
    except (FileNotFoundError, PermissionError) as error:
        raise InputError(
            f"expected to read {path.name!r}, got {error.strerror}: check the path and permissions"
        ) from error
    except (UnicodeError, OSError, EOFError, zlib.error, csv.Error, pa.ArrowException) as error:
        raise InputError(
            f"expected a table of UTF-8 text in {path.name!r}, got something unreadable "
            f"({one_line(error)}): save it again as CSV with UTF-8 encoding"
        ) from error
    if cells.num_rows == 0:
        raise InputError(f"expected rows below the header of {path.name!r}, got none: add data")
    return TextTable(path, names, separator, cells)


def _header(path: Path) -> tuple[str, tuple[str, ...]]:
    separators = ("\t",) if ".tsv" in path.suffixes else SEPARATORS
    with open_text(path) as file:
        head = file.read(1)
    if not head:
        raise InputError(f"expected a table in {path.name!r}, got an empty file: check the path")
    best = ("", [])
    for separator in separators:
        cells = next((cells for _, cells in records(path, separator)), [])
        if len(cells) > len(best[1]):
            best = (separator, cells)
    separator, cells = best
    if not any(cell.strip() for cell in cells):
        raise InputError(f"expected a header in {path.name!r}, got only blanks: name the columns")
    return separator, tuple(cell.strip() for cell in cells)


def _check_header(path: Path, names: tuple[str, ...]) -> None:
    if plain_numbers(text_cells(list(names))) is not None and any(names):
        raise InputError(
            f"expected column names in the first line of {path.name!r}, got only numbers "
            f"({one_line(', '.join(names), 60)}): add a header line"
        )
    if "" in names:
        raise InputError(
            f"expected a name for every column of {path.name!r}, column {names.index('') + 1} has "
            "none (a saved row index?): name it or remove it"
        )
    (commonest, times), *_ = Counter(names).most_common(1)
    if times > 1:
        raise InputError(
            f"expected different column names in {path.name!r}, got {commonest!r} {times} times: "
            f"rename them{header_doubt(names)}"
        )


def _read(path: Path, separator: str, names: tuple[str, ...]) -> pa.Table:
    types = {f"f{i}": pa.string() for i in range(len(names))}
    try:
        table = pacsv.read_csv(
            path,
            read_options=pacsv.ReadOptions(autogenerate_column_names=True, block_size=BLOCK_BYTES),
            parse_options=pacsv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(column_types=types, strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        _refuse_ragged(path, separator, len(names))
        raise
    _require_closed_quotes(path, separator)
    return table.slice(1).rename_columns(names)


def _refuse_ragged(path: Path, separator: str, width: int) -> None:
    for number, (line, cells) in enumerate(records(path, separator)):
        if len(cells) != width:
            raise InputError(
                f"expected {width} cells in every row of {path.name!r}, data row {number} "
                f"(line {line}) has {len(cells)}: add or remove separators, or quote cells that "
                "hold one"
            )


def _require_closed_quotes(path: Path, separator: str) -> None:
    """Raise when a quote that is never closed swallowed the rest of the file into one cell.

    Quotes inside a quoted cell are doubled, so a sound file has an even number of them; only an
    odd one is worth the slow second look.
    """
    count = 0
    with open_bytes(path) as file:
        while block := file.read(BLOCK_BYTES):
            count += block.count(b'"')
    if count % 2 == 0:
        return
    start, at_end = 1, False

    def lines(file: IO[str]) -> Iterator[str]:
        nonlocal at_end
        yield from file
        at_end = True

    with open_text(path) as file:
        reader = csv.reader(lines(file), delimiter=separator, strict=True)
        try:
            for _ in reader:
                start = reader.line_num + 1
        except csv.Error as error:
            if at_end:  # the reader wanted more; else a quote inside a cell, which is text
                raise InputError(
                    f"expected a closing quote in {path.name!r}, the row at line {start} has none: "
                    "close the quote, or double it inside a cell"
                ) from error


CSV = table_format(read_csv_text)
