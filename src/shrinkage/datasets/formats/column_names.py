"""The names of columns: those of the header, of a person, or of the training file.

Who uses this: the top of a table.
"""

from __future__ import annotations

from collections.abc import Sequence

from shrinkage.datasets.formats.looks import looks_like_index
from shrinkage.datasets.read_options import ReadOptions
from shrinkage.datasets.wording import listed
from shrinkage.errors import InputError


def header_names(
    first: Sequence[str], body: Sequence[Sequence[str]], width: int
) -> tuple[str, ...]:
    """Return as many names as there are columns: an index or trailing separators have none.

    Args:
        first: the cells of the header, stripped.
        body: the cells of the rows below.
        width: how many cells most rows have.

    Raises:
        InputError: a name is missing.

    >>> header_names(["age", "y"], [["1", "31", "a"], ["2", "44", "b"]], 3)
    ('', 'age', 'y')
    """
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


def names_fit(width: int, options: ReadOptions) -> bool:
    """Return whether the names that are known are those of so many columns.

    >>> names_fit(1, ReadOptions(names=("a", "y")).inherit("y"))
    True
    """
    present = [name for name in options.names if name not in options.absent]
    return width in (len(options.names), len(present))


def chosen_names(header: tuple[str, ...], options: ReadOptions) -> tuple[str, ...]:
    """Return the names that a person gave in place of a header's.

    Raises:
        InputError: another number of names.

    >>> chosen_names(("a", "b"), ReadOptions(names=("x", "y")))
    ('x', 'y')
    """
    if not options.names or set(options.names) - set(options.absent) <= set(header):
        return header
    if options.inherited and options.header is None:
        return header
    index = header[:1] if header[:1] == ("",) and len(options.names) == len(header) - 1 else ()
    return (*index, *names_without_header(len(header) - len(index), options))


def names_without_header(width: int, options: ReadOptions) -> tuple[str, ...]:
    """Return the names of columns that have none in the file.

    Raises:
        InputError: another number of names than columns.

    >>> names_without_header(2, ReadOptions())
    ('column_1', 'column_2')
    """
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
