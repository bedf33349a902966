"""Files of text as tables of text cells, with the errors a person can act on.

pyarrow reads the cells (it refuses ragged rows, where pandas fills short ones in silence); the
standard library's csv module reads the top, whatever pyarrow has no word for (runs of blanks,
comments between rows), and finds the line when something is wrong.
Source: https://arrow.apache.org/docs/python/csv.html, RFC 4180.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import pyarrow as pa
import pyarrow.csv as pacsv

from shrinkage.datasets.formats.content import FileContent
from shrinkage.datasets.formats.dialect import Dialect, TextRow, text_lines
from shrinkage.datasets.formats.encodings import BLOCK_BYTES, DecodedText, decoded
from shrinkage.datasets.formats.feet import feet_below, feet_notes, may_be_foot
from shrinkage.datasets.formats.quotes import require_closed_quotes
from shrinkage.datasets.formats.sniffing import (
    COMMENTS,
    NAMES,
    head_lines,
    sniffed,
    top_records,
)
from shrinkage.datasets.formats.tables import table_format
from shrinkage.datasets.formats.text_columns import columns_of
from shrinkage.datasets.formats.text_table import TextTable, text_table
from shrinkage.datasets.formats.top import TableTop, read_top, width_of
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.wording import listed, one_line
from shrinkage.errors import InputError

USUAL = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
"""The separator that an ending promises; any other is told."""

BATCH_ROWS = 50_000
TAIL_BYTES = 1 << 13


@dataclass(frozen=True)
class TextLayout:
    """Where the rows of a text are, and how they are written."""

    text: DecodedText
    dialect: Dialect
    top: TableTop
    width: int
    feet: tuple[TextRow, ...] = ()

    def rows(self, comments: list[TextRow] | None = None) -> Iterator[TextRow]:
        """Yield the rows of data; those that are wholly empty are none, comments go to the list."""
        lines = text_lines(self.text, self.dialect.skip_bytes)
        records = self.dialect.records(lines, self.dialect.skip + 1)
        for record in islice(records, self.top.skipped, None):
            if self.feet and record.line >= self.feet[0].line:
                return
            if self.is_comment(record):
                if comments is not None:
                    comments.append(record)
            elif any(record.cells):
                yield record

    def is_comment(self, record: TextRow) -> bool:
        """Return whether a record is no row: a line with the mark of a comment, not as wide."""
        return len(record.cells) != self.width and record.cells[0].startswith(COMMENTS)


def read_csv_text(content: FileContent, options: ReadOptions) -> TextTable:
    """Read a file of text as a table of text.

    Args:
        content: the file.
        options: encoding, separator, header and names; what is left out is found by looking.

    Returns:
        The table of text, with notes of what was decided.

    Raises:
        InputError: unreadable, no table, no header, ragged rows, equal names, no rows.
    """
    try:
        text = decoded(content.data, options)
        layout, notes = _layout(text, content, options)
        cells, passed_over = _cells(layout)
    except (UnicodeError, csv.Error, pa.ArrowException) as error:
        raise InputError(
            f"expected a table of text, got something unreadable ({one_line(error)}): save it "
            "again as CSV with UTF-8 encoding"
        ) from error
    notes = (*content.notes, *text.notes, *notes, *passed_over)
    separator = layout.dialect.separator
    return text_table(cells, layout.top, layout.rows, notes, options, separator)


def _layout(
    text: DecodedText, content: FileContent, options: ReadOptions
) -> tuple[TextLayout, tuple[str, ...]]:
    dialect = sniffed(text, options)
    lines = head_lines(text)[dialect.skip :]
    rows = top_records(dialect, lines, dialect.skip + 1)
    if not rows and any(line.strip() for line in lines):
        raise InputError(
            f"expected a table, got a cell of more than {csv.field_size_limit():,} characters: is "
            "there a quote that is never closed?"
        )
    if not any(cell.strip() for record in rows for cell in record.cells):
        raise InputError("expected a table, got only blanks or comments: check the file")
    commented = _commented_header(dialect)
    feet = _feet(text, dialect, rows)
    rows = [record for record in rows if not feet or record.line < feet[0].line]
    try:
        top = read_top(rows, options, commented)
    except InputError as error:
        raise InputError(f"{error}{_fixed_width(text, dialect)}") from error
    notes = (*top.notes, *feet_notes(feet))
    if options.separator != dialect.separator and USUAL.get(content.ending) != dialect.separator:
        found = f"{NAMES.get(dialect.separator, repr(dialect.separator))} between cells"
        notes = (f"{found}, by a look at the file; --separator overrules", *notes)
    if dialect.comment is not None and not (commented and len(dialect.comments) == 1):
        notes = (*notes, f"lines that start with {dialect.comment} are comments")
    if not _comments_below(text, dialect.comment):
        dialect = replace(dialect, comment=None)
    return TextLayout(text, dialect, top, len(top.names), feet), notes


def _feet(text: DecodedText, dialect: Dialect, rows: list[TextRow]) -> tuple[TextRow, ...]:
    """Return the lines below the table; only a last line that may be one has all rows read."""
    width = width_of(rows)
    start = max(dialect.skip_bytes, text.buffer.size - TAIL_BYTES)
    tail = text.buffer.slice(start).to_pybytes().decode(errors="ignore").splitlines()
    if start > dialect.skip_bytes:
        del tail[:1]  # cut
    try:
        last = (record for line in reversed(tail) for record in dialect.records([line]))
        filled = (record for record in last if any(map(str.strip, record.cells)))
        record = next(filled, None)
        if record is None or not may_be_foot(record, width):
            return ()
        lines = text_lines(text, dialect.skip_bytes)
        return feet_below(dialect.records(lines, dialect.skip + 1), width)
    except csv.Error:
        return ()  # said where the rows are read


def _comments_below(text: DecodedText, mark: str | None) -> bool:
    """Return whether lines below the first start with the mark of a comment."""
    return mark is not None and any(f"\n{mark}".encode() in block for block in text.blocks())


def _commented_header(dialect: Dialect) -> list[str]:
    """Return the cells of the last comment above the rows, its mark left out."""
    if not dialect.comments:
        return []
    bare = dialect.comments[-1].lstrip("#%")
    line = dialect.comments[-1] if bare.startswith(dialect.separator) else bare.strip()
    record = next(replace(dialect, comment=None).records([line]), None)
    return record.cells if record else []


def _cells(layout: TextLayout) -> tuple[pa.Table, tuple[str, ...]]:
    """Return the cells of all rows as columns of text, and a note on lines that are no rows."""
    dialect = layout.dialect
    plain = not (dialect.blanks or dialect.spaced or dialect.drawn or dialect.comment)
    if plain and not layout.feet:
        try:
            table = _by_pyarrow(layout)
            require_closed_quotes(layout.text, layout.dialect)
            return table, ()
        except pa.ArrowInvalid:
            pass  # ragged rows, or what looks so: the other way reads it or says where it is
    return _by_csv(layout)


def _by_pyarrow(layout: TextLayout) -> pa.Table:
    dialect = layout.dialect
    buffer = layout.text.buffer.slice(dialect.skip_bytes)
    buffer = buffer.slice(_top_bytes(layout))
    if not buffer.slice(0, min(BLOCK_BYTES, buffer.size)).to_pybytes().strip():
        return columns_of([], layout.width)
    names = [f"f{place}" for place in range(layout.width)]
    return pacsv.read_csv(
        pa.BufferReader(buffer),
        read_options=pacsv.ReadOptions(
            column_names=names,
            block_size=BLOCK_BYTES,
            # threads gain nothing on one block, and one that is still ending when the process
            # does (bad input, said at once) aborts it with status 134
            use_threads=buffer.size > BLOCK_BYTES,
        ),
        parse_options=pacsv.ParseOptions(
            delimiter=dialect.separator,
            quote_char=dialect.quote,
            escape_char=dialect.escape or False,
            newlines_in_values=True,
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )


def _top_bytes(layout: TextLayout) -> int:
    """Return how many bytes the records above the data take."""
    if layout.top.skipped == 0:
        return 0
    taken = 0

    def counted(lines: Iterator[str]) -> Iterator[str]:
        nonlocal taken
        for line in lines:
            taken += len(line.encode())
            yield line

    lines = counted(text_lines(layout.text, layout.dialect.skip_bytes))
    for _ in islice(layout.dialect.records(lines), layout.top.skipped):
        pass
    return taken


def _by_csv(layout: TextLayout) -> tuple[pa.Table, tuple[str, ...]]:
    """Return the cells, cut by the csv module, and a note on lines that are no rows."""
    parts: list[pa.Table] = []
    comments: list[TextRow] = []
    rows = layout.rows(comments)
    while batch := list(islice(rows, BATCH_ROWS)):
        above = BATCH_ROWS * len(parts)
        cells = [_fitted(record, layout, above + row) for row, record in enumerate(batch, start=1)]
        parts.append(columns_of(cells, layout.width))
    require_closed_quotes(layout.text, layout.dialect)
    lines = listed(record.line for record in comments)
    notes = (f"lines taken for comments, as they start with # or %: {lines}",) if comments else ()
    return pa.concat_tables(parts) if parts else columns_of([], layout.width), notes


def _fitted(record: TextRow, layout: TextLayout, row: int) -> list[str]:
    """Return the cells of a row, which must be as many as there are columns."""
    cells = record.cells
    if len(cells) == layout.width:
        return cells
    if len(cells) == layout.width + 1 and not cells[-1].strip():
        return cells[:-1]  # a separator at the end of the line
    raise InputError(
        f"expected {layout.width} cells in every row, data row {row} (line {record.line}) has "
        f"{len(cells)}: add or remove separators, or quote cells that hold one"
        f"{_fixed_width(layout.text, layout.dialect)}"
    )


def _fixed_width(text: DecodedText, dialect: Dialect) -> str:
    if not dialect.blanks:
        return ""
    lengths = {len(line.rstrip("\r\n")) for line in head_lines(text) if line.strip()}
    if len(lengths) > 1:
        return ""
    return " (all lines are equally long: columns of fixed width? pandas.read_fwf reads them)"


CSV = table_format(read_csv_text, takes=("encoding", "separator", "header", "names"))
