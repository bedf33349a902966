"""Columns of numbers that are another one over again, in every row.

What is in one of them is in the others: a penalty that makes zeros may keep any of them, or share
one weight among them, so that what it keeps says nothing of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from shrinkage.cautions import Caution, CautionKind
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.input_columns import InputColumns

FIRST_ROWS = 64
"""Columns that differ there are not read any further."""

CELLS_AT_ONCE = 2**20


def repeated_columns(columns: InputColumns, rows: np.ndarray) -> tuple[Caution, ...]:
    """Say which columns of numbers repeat an earlier one; a column of one number repeats none.

    Args:
        columns: the columns.
        rows: the rows to look at.
    """
    candidates = columns.of_kind(ColumnKind.NUMERIC)
    for some in (rows[:FIRST_ROWS], rows):
        known: dict[bytes, list[str]] = {}
        for name, cells in _cells(columns, some, candidates):
            known.setdefault(cells, []).append(name)
        alike = [names for names in known.values() if len(names) > 1]
        candidates = [name for names in alike for name in names]
    pairs = [(name, names[0]) for names in alike for name in names[1:] if _varies(columns, names)]
    if not pairs:
        return ()
    names, firsts = ([*own] for own in zip(*pairs, strict=True))
    return (Caution(CautionKind.REPEATED_COLUMNS, {"columns": names, "of": firsts}),)


def _cells(
    columns: InputColumns, rows: np.ndarray, names: Sequence[str]
) -> Iterator[tuple[str, bytes]]:
    """Yield what tells columns apart, some at a time."""
    at_once = max(1, CELLS_AT_ONCE // max(1, len(rows)))
    for at in range(0, len(names), at_once):
        some = names[at : at + at_once]
        numbers = columns.numbers(rows, some) + 0.0  # −0 is 0
        yield from ((name, own.tobytes()) for name, own in zip(some, numbers.T, strict=True))


def _varies(columns: InputColumns, names: Sequence[str]) -> bool:
    numbers = columns.numbers(np.arange(len(columns)), names[:1])[:, 0]
    return bool((numbers != numbers[0]).any() and not np.isnan(numbers).all())
