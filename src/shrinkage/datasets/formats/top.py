"""The top of a table: lines of a title, the header, the names, a saved index.

Who uses this: files of text and sheets of workbooks, whose first rows may be anything. A first row
that may as well be data is never swallowed and never guessed: the reader asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shrinkage.datasets.formats.dialect import Record
from shrinkage.datasets.formats.looks import looks_like_index, looks_missing, looks_numeric
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.wording import listed, one_line
from shrinkage.errors import InputError

FEWEST_ASCENDING = 3
"""So many ascending numbers among the cells of a first row are a header (years, wavelengths)."""


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
    rows: Sequence[Record], options: ReadOptions, commented: Sequence[str] = ()
) -> TableTop:
    """Return names and the place of the first row of data.

    Args:
        rows: the first records of the file, at least one.
        options: header and names, when a person gave them.
        commented: the cells of a comment right above, which may be the header.

    Raises:
        InputError: the first row may be data or names; names that do not fit the columns.

    >>> rows = [Record(1, ["age", "y"]), Record(2, ["31", "a"]), Record(3, ["44", "b"])]
    >>> read_top(rows, ReadOptions()).names
    ('age', 'y')
    """
    width = _width(rows)
    titles = _titles(rows, width)
    notes = _title_notes(rows[:titles])
    rows = rows[titles:]
    first = [cell.strip() for cell in rows[0].cells]
    body = [record.cells for record in rows[1:]]
    if len(commented) == width and options.header is not False and _may_be_data(first, body):
        note = "the header is the last comment above the rows"
        names = tuple(cell.strip() for cell in commented)
        return TableTop(_named(names, options), titles, True, (*notes, note))
    if _has_header(first, body, options):
        notes += () if looks_like_header(first, body) else _doubt_notes(first)
        return TableTop(_named(_fitted(first, body, width), options), titles + 1, True, notes)
    names = _names_without_header(width, options)
    notes += (f"no header: {width} columns are {_span(names)}",)
    return TableTop(names, titles, False, notes)


def looks_like_header(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Return whether a row has a word above a column of numbers.

    >>> looks_like_header(["age", "y"], [["31", "a"]]), looks_like_header(["5", "a"], [["6", "a"]])
    (True, False)
    """
    short = any(len(cells) == len(first) + 1 for cells in body[:1])
    for place, cell in enumerate(first, start=1 if short else 0):
        if cell and not looks_numeric(cell) and not looks_missing(cell):
            below = _below(place, body)
            if below and all(map(looks_numeric, below)):
                return True
    return False


def _below(place: int, body: Sequence[Sequence[str]]) -> list[str]:
    cells = (row[place] for row in body if place < len(row))
    return [cell for cell in cells if not looks_missing(cell)]


def _width(rows: Sequence[Record]) -> int:
    counts = Counter(len(record.cells) for record in rows[1:]) or Counter([len(rows[0].cells)])
    return counts.most_common(1)[0][0]


def _titles(rows: Sequence[Record], width: int) -> int:
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


def _is_title(cells: Sequence[str], rest: Sequence[Record], width: int) -> bool:
    below, body = rest[0].cells, [record.cells for record in rest[1:]]
    if len(cells) == width:
        names = len(below) == width and all(
            cell.strip() and not looks_numeric(cell) for cell in below
        )
        filled = [bool(cell.strip()) for cell in cells]
        few = width > 1 and sum(filled) <= max(1, width // 3)
        return not any(filled) or (filled[0] and few and names)
    if len(below) == width and looks_like_header(below, body):
        return True
    if len(cells) == width - 1:  # a header without a name for the index, as R writes it
        return len(cells) == 1 and not _counts([row[0] for row in [below, *body]])
    return len(cells) <= max(1, width // 2)


def _stands_apart(record: Record, rest: Sequence[Record]) -> bool:
    """Return whether a blank line is below a record and none below the header that follows."""
    below, body = rest[0], rest[1:]
    apart = bool(body) and below.line - record.line > 1 == body[0].line - below.line
    return apart and looks_like_header(below.cells, [row.cells for row in body])


def _counts(cells: Sequence[str]) -> bool:
    """Return whether cells count rows from 0 or 1."""
    return list(cells) in ([str(n + start) for n in range(len(cells))] for start in (0, 1))


def _title_notes(titles: Sequence[Record]) -> tuple[str, ...]:
    if not titles:
        return ()
    text = one_line(" ".join(titles[0].cells), 40)
    lines = "1 line" if len(titles) == 1 else f"{len(titles)} lines"
    return (f"{lines} above the header left out, the first being {text!r}",)


def _has_header(first: Sequence[str], body: Sequence[Sequence[str]], options: ReadOptions) -> bool:
    if options.inherited and options.names:
        if 2 * sum(cell in options.names for cell in first) >= len(first):
            return True
        if looks_like_header(first, body) or not _fits(len(first), options):
            return True
        return options.header is True and not _may_be_data(first, body)
    if options.header is not None:
        return options.header
    if options.names:
        return looks_like_header(first, body)
    if looks_like_header(first, body) or not body or _counts_columns(first):
        return True
    if _may_be_data(first, body):
        raise InputError(
            f"expected column names in the first row, got what may be data "
            f"({one_line(', '.join(first), 60)}): say which, with --header or --no-header "
            f"(header=True or False), or name the {len(first)} columns with --names"
        )
    return True


def _counts_columns(first: Sequence[str]) -> bool:
    """Return whether the cells are 0, 1, 2, …, which is what pandas calls nameless columns."""
    cells = first[1:] if first[0] == "" else first
    return len(cells) >= FEWEST_ASCENDING and list(cells) == [str(n) for n in range(len(cells))]


def _may_be_data(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    numeric, words = [], []
    for place, cell in enumerate(first):
        below = _below(place, body)
        if looks_numeric(cell):
            numeric.append(cell)
        elif cell and below:
            words.append(cell in {other.strip() for other in below})
    if len(set(first)) < len(first) - first.count("") and (numeric or any(words)):
        return True
    if not numeric:
        return bool(words) and 2 * sum(words) >= len(words)
    if words and not any(words):
        return not _ascending(numeric)
    return True


def _ascending(cells: Sequence[str]) -> bool:
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        return False
    return len(values) >= FEWEST_ASCENDING and all(low < high for low, high in pairwise(values))


def _doubt_notes(first: Sequence[str]) -> tuple[str, ...]:
    numeric = [cell for cell in first if looks_numeric(cell)]
    if 2 * len(numeric) <= len(first):
        return ()
    return (f"the first row was taken for the header although it has numbers ({listed(numeric)})",)


def _fitted(first: Sequence[str], body: Sequence[Sequence[str]], width: int) -> tuple[str, ...]:
    """Return as many names as there are columns: an index or trailing separators have none."""
    if not body:
        return tuple(first)
    if len(first) == width - 1:
        full = [cells for cells in body if len(cells) == width]
        if all(cells[-1].strip() == "" for cells in full):
            return (*first, "")
        if not looks_like_index([cells[0] for cells in full]):
            raise InputError(
                f"expected a name for every column, got {len(first)} names ({listed(first)}) above "
                f"rows of {width} cells: name them all, or quote cells that hold a separator"
            )
        return ("", *first)
    if len(first) == width + 1 and first[-1] == "":
        return tuple(first[:-1])
    return tuple(first)


def _fits(width: int, options: ReadOptions) -> bool:
    present = [name for name in options.names if name not in options.absent]
    return width in (len(options.names), len(present))


def _named(header: tuple[str, ...], options: ReadOptions) -> tuple[str, ...]:
    """Return the names that a person gave in place of a header's."""
    if not options.names or set(options.names) - set(options.absent) <= set(header):
        return header
    if options.inherited and options.header is None:
        return header
    return _names_without_header(len(header), options)


def _names_without_header(width: int, options: ReadOptions) -> tuple[str, ...]:
    if not options.names:
        return tuple(f"column_{place}" for place in range(1, width + 1))
    if len(options.names) == width:
        return options.names
    present = tuple(name for name in options.names if name not in options.absent)
    if options.inherited and len(present) == width:
        return present
    raise InputError(
        f"expected {len(options.names)} columns, for so many names were given "
        f"({listed(options.names)}), got {width}: give a name for every column"
    )


def _span(names: Sequence[str]) -> str:
    return one_line(f"{names[0]} to {names[-1]}", 80)
