"""A look at the top of a file of text: separator, quotes, comments, lines above the table.

The lines are read with every separator in turn; the one that gives the rows most often the same
number of cells is it. Ties go to the rarer mark, for a comma is also a decimal mark, and blanks are
also in text.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from shrinkage.datasets.formats.dialect import BLANKS, Dialect, TextRow, is_drawn
from shrinkage.datasets.formats.encodings import DecodedText
from shrinkage.datasets.formats.looks import looks_numeric
from shrinkage.datasets.read_options import LOOK, ReadOptions

SEPARATORS = ("\t", "|", ";", ",", " ")
"""What is tried, the surest first; a blank stands for runs of blanks and tabs."""

NAMES = {"\t": "a tab", "|": "a pipe", ";": "a semicolon", ",": "a comma", " ": "blanks"}
NOT_CUT = (0.0, 0.0)
COMMENTS = ("#", "%")
EXCEL_ERRORS = ("#N/A", "#NAME?", "#REF!", "#DIV/0!", "#VALUE!", "#NUM!", "#NULL!")
HEAD_BYTES = 1 << 20
HEAD_RECORDS = 200
FEWEST_LINES = 4
MOST_BESIDE = 0.2
MOST_CLOSED = 0.9
BLANKS_FROM = 0.6
"""Blanks separate only when this share of the rows is equally wide; else they are text."""
_ALIGNED = re.compile(r"\d  +[-.\d]")
_EXCEL = re.compile(r'"?sep=(\\t|.)"?', re.IGNORECASE)


def sniffed(text: DecodedText, options: ReadOptions = LOOK) -> Dialect:
    """Return how a file is written, by a look at its top.

    Args:
        text: the file.
        options: a separator instead of the guess; an inherited one must cut something.

    >>> import pyarrow as pa
    >>> text = DecodedText(pa.py_buffer(b"name;height\\nA;1,5\\nB;2,5\\n"))
    >>> sniffed(text).separator
    ';'
    """
    lines = head_lines(text)
    above, told = _above(lines)
    lines = lines[above.skip :]
    separator = options.separator or told
    if separator is not None:
        dialect = _with_quotes(replace(above, separator=separator), lines)
        if not options.inherited or _rank(dialect, lines) > NOT_CUT:
            return dialect
    best, best_rank = replace(above, separator=","), NOT_CUT
    for candidate in SEPARATORS:
        if not any(_holds(line, candidate) for line in lines[:HEAD_RECORDS]):
            continue
        dialect = _with_quotes(replace(above, separator=candidate), lines)
        rank = _rank(dialect, lines)
        if candidate == " " and not _blanks_separate(dialect, lines, rank[0]):
            continue
        if rank > best_rank:
            best, best_rank = dialect, rank
    return best


def _blanks_separate(dialect: Dialect, lines: list[str], share: float) -> bool:
    """Return whether blanks cut the rows evenly, and do not only stand beside another mark."""
    rows = [record.cells for record in top_records(dialect, lines)]
    beside = sum(cell.endswith((",", ";", "|", ":")) for cells in rows for cell in cells)
    alike = len(rows[0]) > 1 or len({len(cells) for cells in rows[1:]}) == 1
    aside = beside < MOST_BESIDE * sum(map(len, rows))
    return share >= BLANKS_FROM and alike and aside and not _tabs_separate(dialect, lines)


def _tabs_separate(blanks: Dialect, lines: list[str]) -> bool:
    """Return whether tabs cut the rows evenly, and what they cut is not numbers in a line."""
    tabs = replace(blanks, separator="\t")
    cells = [cell for record in top_records(tabs, lines) for cell in record.cells]
    rowed = sum(_ALIGNED.search(cell) is not None for cell in cells)
    return _rank(tabs, lines)[0] >= BLANKS_FROM and rowed < MOST_BESIDE * len(cells)


def head_lines(text: DecodedText) -> list[str]:
    """Return the whole lines at the top of a text, with their ends: a megabyte, some lines."""
    size = HEAD_BYTES
    while True:
        lines = list(io.StringIO(text.head(size), newline=""))
        if size >= text.buffer.size:
            return lines
        if len(lines) > FEWEST_LINES:
            return lines[:-1]  # the last one may be cut
        size *= 4


def _holds(line: str, separator: str) -> bool:
    return bool(BLANKS.search(line.strip())) if separator == " " else separator in line


def top_records(dialect: Dialect, lines: Iterable[str], first: int = 1) -> list[TextRow]:
    """Return the first rows; a quote that is never closed ends them."""
    rows: list[TextRow] = []
    try:
        for record in dialect.records(lines, first):
            rows.append(record)
            if len(rows) == HEAD_RECORDS:
                break
    except csv.Error:
        pass
    return rows


def _rank(dialect: Dialect, lines: list[str]) -> tuple[float, float]:
    """Return how well lines are cut: the share of rows that are equally wide, then of numbers."""
    rows = [record.cells for record in top_records(dialect, lines)]
    widths = Counter(len(cells) for cells in rows if len(cells) > 1)
    if not widths:
        return NOT_CUT
    digits = sum(looks_numeric(cell) for cells in rows for cell in cells)
    return max(widths.values()) / len(rows), digits / sum(map(len, rows))


def _with_quotes(dialect: Dialect, lines: list[str]) -> Dialect:
    """Return the dialect with single quotes or escapes where the top of the file has them."""
    sample = "".join(lines[:HEAD_RECORDS])
    drawn = dialect.separator == "|" and any(map(is_drawn, lines[:HEAD_RECORDS]))
    dialect = replace(dialect, spaced=f'{dialect.separator} "' in sample, drawn=drawn)
    if f"\\{dialect.quote}" in sample:
        escaped = replace(dialect, escape="\\")
        inside = re.search(rf'\\"[^"\r\n{re.escape(dialect.character)}]', sample)
        better = _rank(escaped, lines)[0] - _rank(dialect, lines)[0]
        if better > 0 or (better == 0 and inside):
            return escaped
    return _with_single_quotes(dialect, lines) if "'" in sample else dialect


def _with_single_quotes(dialect: Dialect, lines: list[str]) -> Dialect:
    """Return the dialect with single quotes, where nearly all that open at a cell's start close."""
    text = "".join(lines[:HEAD_RECORDS])
    mark = r"[ \t]" if dialect.blanks else re.escape(dialect.separator)
    start = rf"(?:^|(?<={mark}))[ ]*"
    opened = len(re.findall(rf"{start}'", text, re.MULTILINE))
    closed = len(re.findall(rf"{start}'(?:[^']|'')*'[ ]*(?={mark}|[\r\n]|$)", text, re.MULTILINE))
    double = re.search(rf'{start}"', text, re.MULTILINE)
    if double or not closed or closed < MOST_CLOSED * opened:
        return dialect
    single = replace(dialect, quote="'")
    return single if _rank(single, lines)[0] >= _rank(dialect, lines)[0] else dialect


def _is_comment(line: str) -> bool:
    """Return whether a line is a comment; Excel writes its errors with the same mark."""
    return line.startswith(COMMENTS) and not line.startswith(EXCEL_ERRORS)


def _above(lines: list[str]) -> tuple[Dialect, str | None]:
    """Return a dialect that knows the lines above the table, and the separator they name."""
    skip, separator, comments, mark = 0, None, [], None
    for line in lines:
        text = line.strip()
        match = _EXCEL.fullmatch(text)
        if match and skip == 0:
            separator = "\t" if match[1] == "\\t" else match[1]
        elif _is_comment(text) and (mark is None or text.startswith(mark)):
            mark = text[0]
            comments.append(text)
        elif text:
            break
        skip += 1
    if skip == len(lines) and separator is None:
        return Dialect(","), None  # no comments then, but cells that start with the mark
    size = sum(len(line.encode()) for line in lines[:skip])
    above = Dialect(",", comment=mark, skip=skip, skip_bytes=size, comments=tuple(comments))
    return above, separator
