"""What a judgement of one column needs and gives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.cells import DistinctCells, Locate
from shrinkage.datasets.column_readings import ColumnReading
from shrinkage.datasets.column_specs import ColumnSpec
from shrinkage.datasets.judging.missing_words import (
    are_missing,
    words_among_levels,
    words_among_numbers,
)

ENOUGH = 0.9
"""From this share of numbers, or of dates, on, a column is meant to be one of them."""

EXAMPLES = 4
"""So many cells of a column are told."""


@dataclass(frozen=True)
class FileHints:
    """What the other columns of a file prove.

    Args:
        decimal: the decimal mark in use, or nothing.
        proven: whether a column proves the decimal mark; else the separator makes it likely.
        day_first: whether dates have the day first; None: not known.
    """

    decimal: str = ""
    proven: bool = True
    day_first: bool | None = None


@dataclass(frozen=True, eq=False)
class JudgedColumn:
    """A typed column, and what was decided about it.

    Args:
        values: float64, category (ordered for an ordinal) or datetime64 cells.
        reading: what was decided.
        hints: what the column proves about the file.
        is_open: whether what the rest of the file proves may change the reading.
    """

    values: pd.Series
    reading: ColumnReading
    hints: FileHints = FileHints()
    is_open: bool = False


NO_HINTS = FileHints()


@dataclass(frozen=True, eq=False)
class TextColumn:
    """A column of text with its different cells, and which of them mean missing.

    Args:
        name: the column's name, for messages.
        cells: the cells, verbatim.
        distinct: the different ones.
        spec: what a person said about the column.
        locate: words for a row.
    """

    name: str
    cells: pa.ChunkedArray
    distinct: DistinctCells
    spec: ColumnSpec
    locate: Locate

    @cached_property
    def missing_among_numbers(self) -> np.ndarray:
        """Return which distinct texts mean missing in a column of numbers or dates, (d,)."""
        return are_missing(self.distinct.texts, words_among_numbers(self.spec.missing))

    @cached_property
    def missing_among_words(self) -> np.ndarray:
        """Return which distinct texts mean missing in a column of levels, (d,)."""
        return are_missing(self.distinct.texts, words_among_levels(self.spec.missing))

    def first(self, wanted: np.ndarray) -> tuple[str, str]:
        """Return words for the first row with one of the wanted texts, and its cell."""
        row = self.distinct.first_row(wanted)
        return self.locate(row), self.cells[row].as_py()

    def reading(self, missing: np.ndarray, rule: CellRule) -> ColumnReading:
        """Return what every kind of column tells."""
        texts, counts = self.distinct.texts, self.distinct.counts
        words = [(t, int(n)) for t, n, m in zip(texts, counts, missing, strict=True) if m and t]
        present = [text for text, lost in zip(texts, missing, strict=True) if not lost]
        absent = len(self.distinct.codes) - int(counts.sum())
        return ColumnReading(
            self.name,
            rule.kind,
            rule,
            rows=len(self.distinct.codes),
            missing=absent + int(counts[missing].sum()),
            missing_words=tuple(sorted(words, key=lambda pair: -pair[1])),
            levels=len(present),
            examples=tuple(present[:EXAMPLES]),
            said=self.spec.said_kind is not None,
        )


def ends(numbers: np.ndarray) -> tuple[str, str]:
    """Return the least and the greatest number as text; nothing where there is none.

    >>> ends(np.array([1704067200.0, 0.5])), ends(np.array([]))
    (('0.5', '1704067200'), ('', ''))
    >>> ends(np.array([1e9 + 0.25, 1e9 + 0.5]))
    ('1000000000.25', '1000000000.5')
    """
    if len(numbers) == 0:
        return "", ""
    least, most = float(numbers.min()), float(numbers.max())
    alike = least != most and _number(least) == _number(most)
    return (repr(least), repr(most)) if alike else (_number(least), _number(most))


def _number(value: float) -> str:
    """Return a number as text: a whole one, such as a time in seconds, with all its digits."""
    whole = abs(value) < 1e15 and float(value).is_integer()
    return f"{value:.15g}" if whole else f"{value:.6g}"
