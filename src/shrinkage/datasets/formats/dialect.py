"""How the rows of a file of text are written, and the rows themselves.

The standard library's csv module cuts the lines.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from shrinkage.datasets.formats.encodings import DecodedText

BLANKS = re.compile(r"[ \t]+")
_COUNT = re.compile(r"\(\d+ rows?\)")


@dataclass(frozen=True)
class TextRow:
    """The cells of one row, and the line at which it starts, counted from 1."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class Dialect:
    """How the rows of a file are written.

    Args:
        separator: one character; a blank means runs of blanks and tabs.
        quote: the mark around cells that hold a separator.
        escape: the mark before a quote inside a quoted cell; None where quotes are doubled.
        comment: lines that start with it are no rows; None where every line may be one.
        skip: lines above the first row.
        skip_bytes: how many bytes of UTF-8 these lines are.
        comments: the comments above.
        spaced: blanks stand between separator and quote.
        drawn: lines are drawn around header and rows, as databases and Markdown do.
    """

    separator: str
    quote: str = '"'
    escape: str | None = None
    comment: str | None = None
    skip: int = 0
    skip_bytes: int = 0
    comments: tuple[str, ...] = ()
    spaced: bool = False
    drawn: bool = False

    @property
    def blanks(self) -> bool:
        """Return whether runs of blanks separate."""
        return self.separator == " "

    @property
    def character(self) -> str:
        """Return the character that separates once runs of blanks are made one tab."""
        return "\t" if self.blanks else self.separator

    def records(self, lines: Iterable[str], first: int = 1) -> Iterator[TextRow]:
        """Yield the rows of lines: blank lines and comments are none.

        Args:
            lines: lines of text with their ends.
            first: the number of the first line.
        """
        if self.drawn:
            lines = ("\n" if is_drawn(line) else line for line in lines)
        if self.blanks:
            lines = (_single_tabs(line, self.quote) for line in lines)
        reader = csv.reader(
            _tracked(lines, self.comment, starts := _Starts()),
            delimiter=self.character,
            quotechar=self.quote,
            escapechar=self.escape,
            skipinitialspace=not self.blanks and self.separator != "\t",
        )
        for cells in reader:
            line, starts.line = starts.line, None
            if len(cells) > 1 or (cells and cells[0].strip()):
                cells = [cell.strip() for cell in cells] if self.drawn else cells
                yield TextRow(first + (line or 0), cells)


@dataclass
class _Starts:
    """Where the record that is being read starts: a line counted from 0."""

    line: int | None = None


def _tracked(lines: Iterable[str], comment: str | None, starts: _Starts) -> Iterator[str]:
    """Yield lines, noting where a record starts; comments between records are passed over."""
    for number, line in enumerate(lines):
        if starts.line is None:
            if comment is not None and line.startswith(comment):
                continue
            starts.line = number
        yield line


def is_drawn(line: str) -> bool:
    """Return whether a line is drawn, or counts the rows of a query.

    >>> is_drawn("+----+----+"), is_drawn("|:---|---:|"), is_drawn("(2 rows)"), is_drawn("a | b")
    (True, True, True, False)
    """
    text = line.strip()
    return ("--" in text and not text.strip("|+-=: ")) or _COUNT.fullmatch(text) is not None


def _single_tabs(line: str, quote: str) -> str:
    """Return a line in which each run of blanks outside quotes is one tab."""
    stripped = line.strip()
    if quote not in stripped:
        return BLANKS.sub("\t", stripped)
    pattern = rf"{quote}[^{quote}]*{quote}|[ \t]+"
    return re.sub(pattern, lambda match: match[0] if match[0][0] == quote else "\t", stripped)


def text_lines(text: DecodedText, skip_bytes: int = 0) -> Iterator[str]:
    """Yield the lines of a text, with their ends."""
    raw = pa.BufferReader(text.buffer.slice(skip_bytes))
    yield from io.TextIOWrapper(raw, encoding="utf-8", newline="")
