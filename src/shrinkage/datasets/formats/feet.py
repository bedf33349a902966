"""The feet of a table: lines below its last row that say whence it is, or what a mark means.

Who uses this: files of text and sheets of workbooks. A last row that lacks cells is data, and is
never taken for a foot: what is left out begins as notes do, or is a sentence below a blank line,
and every row above is whole. Whatever else is there stays, to be read or refused as any row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from shrinkage.datasets.formats.dialect import TextRow
from shrinkage.datasets.formats.sniffing import COMMENTS
from shrinkage.datasets.wording import one_line

FEWEST_ABOVE = 2
FEWEST_WORDS = 4
"""Of a sentence without a note's beginning."""
MOST_WORDS = 7
"""Of the first cells above: where they are sentences, one more may be a row."""
_NOTE = re.compile(
    r"((data )?sources?|(foot)?notes?|remarks?|quellen?|anmerkung(en)?|hinweise?) ?: ?\S.*"
    r"|[*†‡§]+ [^\W\d].*|[*†‡§]+ ?p ?[<≤=] ?0?[.,]\d.*|\(?n ?= ?\d[\d., '’]*\)?\.?",
    re.IGNORECASE,
)


def feet_below(rows: Iterable[TextRow], width: int) -> tuple[TextRow, ...]:
    """Return the records at the end that are certainly no rows.

    Args:
        rows: all records of the table, with what stands above.
        width: how many columns it has.

    >>> rows = [["age", "y"], ["31", "a"], ["44", "b"], ["Source: a survey"]]
    >>> [row.line for row in feet_below([TextRow(n, cells) for n, cells in enumerate(rows, 1)], 2)]
    [4]
    """
    above, last = _Above(width), []
    for record in rows:
        if not any(map(str.strip, record.cells)) or _is_comment(record, width):
            continue
        if may_be_foot(record, width):
            last += [record] if above.count else []
            continue
        for row in (*last, record):
            above.add(row)
        last = []
    return tuple(last) if last and above.certain(last) else ()


def may_be_foot(record: TextRow, width: int) -> bool:
    """Return whether a record has its first cell alone, or does not fit; a single column has none.

    >>> may_be_foot(TextRow(9, ["n = 120", ""]), 2), may_be_foot(TextRow(9, ["31", "a"]), 2)
    (True, False)
    """
    cells = record.cells
    return width > 1 and cells[0].strip() != "" and (_is_lone(cells) or not _fits(cells, width))


def feet_notes(feet: tuple[TextRow, ...]) -> tuple[str, ...]:
    """Return what is told of feet."""
    if not feet:
        return ()
    lines = (
        "1 line below the table is" if len(feet) == 1 else f"{len(feet)} lines below the table are"
    )
    return (f"{lines} left out: {one_line(_text(feet[0]), 40)!r}",)


@dataclass
class _Above:
    """What is known of the rows above, as they are read."""

    width: int
    count: int = 0
    words: int = 0
    fits: bool = True
    full: bool = True
    noted: bool = False
    apart: bool = False
    end: int = 0

    def add(self, record: TextRow) -> None:
        self.apart = self.apart or (self.count > 0 and record.line > self.end)
        self.end = _end(record)
        self.count += 1
        self.words = max(self.words, len(record.cells[0].split()))
        self.fits = self.fits and _fits(record.cells, self.width)
        if self.count > 1:  # a header may leave an index without a name
            self.full = self.full and all(map(str.strip, record.cells[: self.width]))
        self.noted = self.noted or _is_note(record)

    def certain(self, feet: list[TextRow]) -> bool:
        """Return whether the records below are all feet."""
        if self.count < FEWEST_ABOVE or self.words > MOST_WORDS or self.noted or not self.fits:
            return False
        apart, end = False, self.end
        for foot in feet:
            apart, end = apart or foot.line > end, _end(foot)
            sentence = len(foot.cells[0].split()) >= max(FEWEST_WORDS, self.words + 1)
            said = sentence and apart and not self.apart and _is_lone(foot.cells)
            if not (_is_note(foot) or said) or (_fits(foot.cells, self.width) and not self.full):
                return False
        return True


def _end(record: TextRow) -> int:
    """Return the line below a record, quoted cells over several lines counted."""
    return record.line + 1 + sum(cell.count("\n") for cell in record.cells)


def _is_lone(cells: list[str]) -> bool:
    return not any(map(str.strip, cells[1:]))


def _fits(cells: list[str], width: int) -> bool:
    """Return whether cells are as many as the columns; a separator may end the line."""
    return len(cells) == width or (len(cells) == width + 1 and not cells[-1].strip())


def _is_comment(record: TextRow, width: int) -> bool:
    return len(record.cells) != width and record.cells[0].startswith(COMMENTS)


def _text(record: TextRow) -> str:
    return " ".join(" ".join(record.cells).split())


def _is_note(record: TextRow) -> bool:
    return _NOTE.fullmatch(_text(record)) is not None
