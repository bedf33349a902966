"""Whether a first row names the columns or is data.

Who uses this: the top of a table. A word above a column of numbers is a header for certain; what
may as well be data is asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from shrinkage.datasets.formats.column_names import names_fit
from shrinkage.datasets.formats.looks import looks_missing, looks_numeric
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.wording import listed, one_line
from shrinkage.errors import InputError

FEWEST_BELOW = 3
FEWEST_ASCENDING = 3
_NOTHING = "-"
"""So many ascending numbers among the cells of a first row are a header (years, wavelengths)."""


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


def is_second_header(row: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Return whether a row below the header says more of the columns, such as their units.

    Above every column of numbers it has a word or nothing, and no word of it is found below. A
    dash is nothing, too, where no number below is one.

    >>> body = [["0.1", "a"], ["0.2", "b"], ["0.3", "a"]]
    >>> is_second_header(["s", ""], body), is_second_header(["s", "a"], body)
    (True, False)
    >>> is_second_header(["s", "-"], [["0.1", "1"], ["0.2", "2"], ["0.3", "4"]])
    True
    """
    if len(body) < FEWEST_BELOW:
        return False
    said = False
    for place, cell in enumerate(map(str.strip, row)):
        below = _below(place, body)
        if below and all(map(looks_numeric, below)):
            if cell == _NOTHING and cell not in map(str.strip, _column(place, body)):
                continue
            if cell and (looks_numeric(cell) or looks_missing(cell)):
                return False
            said = said or cell != ""
        elif cell in {other.strip() for other in below}:
            return False
    return said


def _below(place: int, body: Sequence[Sequence[str]]) -> list[str]:
    return [cell for cell in _column(place, body) if not looks_missing(cell)]


def _column(place: int, body: Sequence[Sequence[str]]) -> list[str]:
    return [row[place] for row in body if place < len(row)]


def has_header(first: Sequence[str], body: Sequence[Sequence[str]], options: ReadOptions) -> bool:
    """Return whether the first row names the columns.

    Args:
        first: its cells, stripped.
        body: the cells of the rows below.
        options: what a person says, or what another file had.

    Raises:
        InputError: it may be either.

    >>> has_header(["age", "y"], [["31", "a"]], ReadOptions())
    True
    """
    if options.inherited and options.names:
        if has_known_names(first, options):
            return True
        if looks_like_header(first, body) or not names_fit(len(first), options):
            return True
        return options.header is True and not may_be_data(first, body)
    if options.header is not None:
        return options.header
    if options.names:
        return looks_like_header(first, body)
    if looks_like_header(first, body) or not body or _counts_columns(first):
        return True
    if may_be_data(first, body):
        raise InputError(
            f"expected column names in the first row, got what may be data "
            f"({one_line(', '.join(first), 60)}): say which, with --header or --no-header "
            f"(header=True or False), or name the {len(first)} columns with --names"
        )
    return True


def has_known_names(cells: Sequence[str], options: ReadOptions) -> bool:
    """Return whether half of a row are names of the file whose options are inherited.

    >>> has_known_names(["age", "z"], ReadOptions(names=("age", "y")).inherit())
    True
    """
    known = sum(cell.strip() in options.names for cell in cells)
    return options.inherited and known > 0 and 2 * known >= len(cells)


def _counts_columns(first: Sequence[str]) -> bool:
    """Return whether the cells are 0, 1, 2, …, which is what pandas calls nameless columns."""
    cells = first[1:] if first[0] == "" else first
    return len(cells) >= FEWEST_ASCENDING and list(cells) == [str(n) for n in range(len(cells))]


def may_be_data(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Return whether a row is written like those below it: numbers above numbers, equal words.

    >>> may_be_data(["5.1", "setosa"], [["4.9", "setosa"]]), may_be_data(["a", "b"], [["x", "y"]])
    (True, False)
    """
    numeric, words = [], []
    for place, cell in enumerate(first):
        below = _below(place, body)
        if looks_numeric(cell):
            if below and not any(map(looks_numeric, below)):
                return False  # a number above words alone is a name
            numeric.append(cell)
        elif cell and below:
            words.append(cell in {other.strip() for other in below})
    if len(set(first)) < len(first) - first.count("") and (numeric or any(words)):
        return True
    if any(words):
        return True  # a name hardly ever stands among the cells of its own column
    return bool(numeric) and not (words and _ascending(numeric))


def _ascending(cells: Sequence[str]) -> bool:
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        return False
    return len(values) >= FEWEST_ASCENDING and all(low < high for low, high in pairwise(values))


def doubt_notes(first: Sequence[str]) -> tuple[str, ...]:
    """Return a note where a header is mostly of numbers.

    >>> doubt_notes(["age", "2020"])
    ()
    """
    numeric = [cell for cell in first if looks_numeric(cell)]
    if 2 * len(numeric) <= len(first):
        return ()
    return (f"the first row was taken for the header although it has numbers ({listed(numeric)})",)
