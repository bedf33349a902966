"""Quotes that are never closed, which swallow the rest of a file without a word."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from shrinkage.datasets.formats.dialect import Dialect, text_lines
from shrinkage.datasets.formats.encodings import DecodedText
from shrinkage.errors import InputError


def require_closed_quotes(text: DecodedText, dialect: Dialect) -> None:
    """Raise when a quote that is never closed swallowed the rest of the file into one cell.

    Quotes inside a quoted cell are doubled, so a sound file has an even number of them; only an
    odd one is worth the slow second look.
    """
    quote = dialect.quote.encode()
    if sum(block.count(quote) for block in text.blocks()) % 2 == 0:
        return
    start, at_end = 1, False

    def lines() -> Iterator[str]:
        nonlocal at_end
        yield from text_lines(text)
        at_end = True

    reader = csv.reader(
        lines(),
        delimiter=dialect.character,
        quotechar=dialect.quote,
        escapechar=dialect.escape,
        strict=True,
    )
    try:
        for _ in reader:
            start = reader.line_num + 1
    except csv.Error as error:
        if at_end:  # the reader wanted more; else a quote inside a cell, which is text
            raise InputError(
                f"expected a closing quote, the row at line {start} has none: close the quote, or "
                "double it inside a cell"
            ) from error
