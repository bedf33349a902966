"""The top of a table: lines of a title, the header, the names, a saved index.

Who uses this: files of text and sheets of workbooks, whose first rows may be anything. A first row
that may as well be data is never swallowed and never guessed: the reader asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shrinkage.datasets.formats.column_names import (
    chosen_names,
    header_names,
    names_without_header,
)
from shrinkage.datasets.formats.dialect import TextRow
from shrinkage.datasets.formats.header import (
    doubt_notes,
    has_header,
    has_known_names,
    is_second_header,
    looks_like_header,
    may_be_data,
)
from shrinkage.datasets.formats.looks import looks_numeric
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.wording import one_line

MOST_ROWS_OF_NAMES = 2
"""Below a title: perhaps titles over several columns, then the names of all."""


@dataclass(frozen=True)
class TableTop:
    """What stands above the rows.

    Args:
        names: a name for each column, stripped; an empty one where the file has none.
        skipped: how many records stand above the first row of data.
        header: whether one of them names the columns.
        notes: what was decided.
    """

    names: tuple[str, ...]
    skipped: int
    header: bool
    notes: tuple[str, ...] = ()


def read_top(
    rows: Sequence[TextRow], options: ReadOptions, commented: Sequence[str] = ()
) -> TableTop:
    """Return names and the place of the first row of data.

    Args:
        rows: the first records of the file, at least one.
        options: header and names, when a person gave them.
        commented: the cells of a comment right above, which may be the header.

    Raises:
        InputError: the first row may be data or names; names that do not fit the columns.

    >>> rows = [TextRow(1, ["age", "y"]), TextRow(2, ["31", "a"]), TextRow(3, ["44", "b"])]
    >>> read_top(rows, ReadOptions()).names
    ('age', 'y')
    """
    width = width_of(rows)
    titles = _titles(rows, width)
    notes = _title_notes(rows[:titles])
    rows = rows[titles:]
    if len(rows) > 1 and not has_known_names(rows[0].cells, options):
        over = int(has_known_names(rows[1].cells, options))  # titles over some columns each
        titles, rows = titles + over, rows[over:]
    first = [cell.strip() for cell in rows[0].cells]
    body = [record.cells for record in rows[1:]]
    if len(commented) == width and options.header is not False and may_be_data(first, body):
        note = "the header is the last comment above the rows"
        names = tuple(cell.strip() for cell in commented)
        return TableTop(chosen_names(names, options), titles, True, (*notes, note))
    if has_header(first, body, options):
        notes += () if looks_like_header(first, body) else doubt_notes(first)
        header = header_names(first, body, width)
        if _is_full_header(body, header):
            header, titles, body = tuple(map(str.strip, body[0])), titles + 1, body[1:]
            notes += (f"two rows of names: those of the second are taken ({_shown(header)})",)
        names = chosen_names(header, options)
        notes += _passed_over(header, names, options)
        if body and len(body[0]) == len(names) and is_second_header(body[0], body[1:]):
            text = one_line(", ".join(body[0]), 60)
            notes += (f"the row below the header left out, it says more of the columns ({text})",)
            return TableTop(names, titles + 2, True, notes)
        return TableTop(names, titles + 1, True, notes)
    names = names_without_header(width, options)
    notes += (f"no header: {width} columns are {_span(names)}",)
    return TableTop(names, titles, False, notes)


def width_of(rows: Sequence[TextRow]) -> int:
    """Return how many cells most rows have, the first, which may be a title, left out.

    >>> width_of([TextRow(1, ["A title"]), TextRow(2, ["age", "y"]), TextRow(3, ["31", "a"])])
    2
    """
    counts = Counter(len(record.cells) for record in rows[1:]) or Counter([len(rows[0].cells)])
    return counts.most_common(1)[0][0]


def _titles(rows: Sequence[TextRow], width: int) -> int:
    """Return how many records above the header are lines of a title."""
    count = 0
    while count < len(rows) - 2:
        rest = [record for record in rows[count + 1 :] if any(map(str.strip, record.cells))]
        if not rest or not (
            _is_title(rows[count].cells, rest, width) or _stands_apart(rows[count], rest)
        ):
            break
        count += 1
    return count


def _is_title(cells: Sequence[str], rest: Sequence[TextRow], width: int) -> bool:
    below, body = rest[0].cells, [record.cells for record in rest[1:]]
    if len(cells) == width:
        names = any(_are_names(record.cells, width) for record in rest[:MOST_ROWS_OF_NAMES])
        filled = [bool(cell.strip()) for cell in cells]
        few = width > 1 and sum(filled) <= max(1, width // 3)
        return not any(filled) or (filled[0] and few and names)
    if len(below) == width and looks_like_header(below, body):
        return True
    if len(cells) == width - 1:  # a header without a name for the index, as R writes it
        return len(cells) == 1 and not _counts([row[0] for row in [below, *body]])
    return len(cells) <= max(1, width // 2)


def _are_names(cells: Sequence[str], width: int) -> bool:
    return len(cells) == width and all(cell.strip() and not looks_numeric(cell) for cell in cells)


def _stands_apart(record: TextRow, rest: Sequence[TextRow]) -> bool:
    """Return whether a blank line is below a record and none below the header that follows."""
    below, body = rest[0], rest[1:]
    apart = bool(body) and below.line - record.line > 1 == body[0].line - below.line
    return apart and looks_like_header(below.cells, [row.cells for row in body])


def _counts(cells: Sequence[str]) -> bool:
    """Return whether cells count rows from 0 or 1."""
    return list(cells) in ([str(n + start) for n in range(len(cells))] for start in (0, 1))


def _title_notes(titles: Sequence[TextRow]) -> tuple[str, ...]:
    if not titles:
        return ()
    text = one_line(" ".join(titles[0].cells), 40)
    lines = "1 line" if len(titles) == 1 else f"{len(titles)} lines"
    return (f"{lines} above the header left out, the first being {text!r}",)


def _is_full_header(body: Sequence[Sequence[str]], header: Sequence[str]) -> bool:
    """Return whether names stand in the second row, below titles over several columns each."""
    if "" not in header[1:] or not body or len(body[0]) != len(header):
        return False
    second = [cell.strip() for cell in body[0]]
    words = all(cell and not looks_numeric(cell) for cell in second)
    if not words or len(set(second)) < len(second):
        return False
    units = len(body) > 1 and is_second_header(body[1], body[2:])
    return looks_like_header(second, body[2:] if units else body[1:])


def _shown(names: Sequence[str]) -> str:
    return one_line(", ".join(names), 60)


def _passed_over(
    header: Sequence[str], names: Sequence[str], options: ReadOptions
) -> tuple[str, ...]:
    """Return a note where a header gives way to the names of another file."""
    if not options.inherited or set(header) == set(names):
        return ()
    return (
        f"the header ({_shown(header)}) is not taken: columns are named by their "
        "place, as in training; --header overrules",
    )


def _span(names: Sequence[str]) -> str:
    return one_line(f"{names[0]} to {names[-1]}", 80)
