"""What was decided for each column and why, as fields: whoever tells it finds the words.

Who uses this: the judgement of columns fills it in; terminal, summary and report tell it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_specs import ColumnKind

LEAST_MARKED = 0.01
"""From this share of missing cells on, an input says that a number or a date is missing."""


class ColumnRole(Enum):
    """What a column is there for."""

    INPUT = "input"
    TARGET = "target"
    GROUPS = "groups"
    WEIGHTS = "weights"
    TIME = "time"
    EVENT = "event"


class DroppedBecause(Enum):
    """Why a column is no input, by all its cells."""

    EMPTY = "every cell is missing"
    CONSTANT = "the same in every row"


class ColumnDoubt(Enum):
    """What a look at the whole column could not settle, and how it was taken."""

    COMMA_AS_THOUSANDS = "comma-as-thousands"
    """`1,234` in every cell: taken for a thousand and more."""
    COMMA_AS_DECIMAL = "comma-as-decimal"
    """`1,234` in every cell, decimal commas in other columns: taken for a number above one."""
    POINT_AS_THOUSANDS = "point-as-thousands"
    """`1.234` beside `500`, or decimal commas in other columns: taken for a thousand and more."""
    DAY_FIRST = "day-first"
    """Every date reads both ways: taken day first."""
    MONTH_FIRST = "month-first"
    """Every date reads both ways: taken month first."""
    SHORT_YEARS = "short-years"
    """Years of two digits: 69 to 99 taken for 1969 to 1999, 00 to 68 for 2000 to 2068."""
    UNIVERSAL_TIME = "universal-time"
    """Times of some other zone: taken in universal time."""
    LOST_DIGITS = "lost-digits"
    """Whole numbers of more digits than floats have: some that differ became equal."""
    LEADING_ZEROS = "leading-zeros"
    """Digits of one width with zeros before them: taken for text, not for numbers."""
    BARE_NUMBERS = "bare-numbers"
    """Some numbers lack the unit that the others have: taken for the same unit."""
    WORDS_AS_LEVELS = "words-as-levels"
    """Words such as `none` or `unknown` among text: taken for levels, not for missing."""
    BLANKS_MERGED = "blanks-merged"
    """Cells that differ only by blanks around them: taken for one level."""
    CASES_APART = "cases-apart"
    """Levels that differ only by case: kept apart."""


@dataclass(frozen=True)
class ColumnReading:
    """What one column was taken for.

    Args:
        name: the column.
        kind: what it was taken for.
        rule: how its cells are read.
        rows: how many cells it has.
        missing: how many of them are missing.
        missing_words: `(word as written, count)` of the words that were taken for missing.
        level_words: `(word as written, count)` of words that often mean missing, taken for levels.
        levels: how many different values it has.
        examples: some of its cells, as they were written.
        least: the least number or the first date, as text; empty for levels.
        most: the greatest number or the last date.
        counts: `(level, count)`, the commonest first; only of categories and ordinals.
        merged: `(as written, level)` of cells that blanks or case alone set apart.
        doubts: what the cells could not settle.
        said: whether a person said what it is.
        role: what it is there for.
        inputs: how many inputs of the network it makes; None: not known yet.

    >>> age = ColumnReading("age", ColumnKind.NUMERIC, CellRule(ColumnKind.NUMERIC), 10, missing=2)
    >>> age.missing_share
    0.2
    """

    name: str
    kind: ColumnKind
    rule: CellRule
    rows: int
    missing: int = 0
    missing_words: tuple[tuple[str, int], ...] = ()
    level_words: tuple[tuple[str, int], ...] = ()
    levels: int = 0
    examples: tuple[str, ...] = ()
    least: str = ""
    most: str = ""
    counts: tuple[tuple[str, int], ...] = ()
    merged: tuple[tuple[str, str], ...] = ()
    doubts: tuple[ColumnDoubt, ...] = ()
    said: bool = False
    role: ColumnRole = ColumnRole.INPUT
    inputs: int | None = None

    @property
    def dropped(self) -> DroppedBecause | None:
        """Return why the column is no input, by all its cells; None where it is one."""
        if self.role is not ColumnRole.INPUT or self.levels > 1:
            return None
        if self.levels == 0:
            return DroppedBecause.EMPTY
        levels = self.kind in (ColumnKind.CATEGORY, ColumnKind.ORDINAL)
        marked = self.missing_share >= LEAST_MARKED  # then an input says that cells are missing
        return None if (levels and self.missing) or marked else DroppedBecause.CONSTANT

    @property
    def is_told(self) -> bool:
        """Return whether something was decided about the column that is not ordinary."""
        plain = CellRule(self.kind, levels=self.rule.levels)
        words = any(word for word, _ in self.missing_words) or self.level_words or self.merged
        return bool(words or self.doubts or self.dropped or self.said) or self.rule != plain

    @property
    def missing_share(self) -> float:
        """Return which share of the cells is missing, from 0 to 1."""
        return self.missing / self.rows if self.rows else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: a record of `columns` in `summary.json`."""
        return {
            "name": self.name,
            "role": self.role.value,
            "kind": self.kind.value,
            "rows": self.rows,
            "missing": self.missing,
            "missing_words": [list(pair) for pair in self.missing_words],
            "level_words": [list(pair) for pair in self.level_words],
            "levels": self.levels,
            "examples": list(self.examples),
            "least": self.least,
            "most": self.most,
            "counts": [list(pair) for pair in self.counts],
            "merged": [list(pair) for pair in self.merged],
            "doubts": [doubt.value for doubt in self.doubts],
            "said": self.said,
            "dropped": None if self.dropped is None else self.dropped.value,
            "inputs": self.inputs,
            "rule": self.rule.to_dict(),
        }
