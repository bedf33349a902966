"""Categories: one input a level, 1 where the cell is that level and else 0.

A missing cell is a level of its own. In a column of many levels, those of few fit rows share one
input, as in scikit-learn's OneHotEncoder(min_frequency=…, handle_unknown="ignore").
Source: https://scikit-learn.org/stable/modules/preprocessing.html#encoding-categorical-features
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.input_columns import InputColumns, LevelCounts
from shrinkage.datasets.preparation.base import (
    ALL_RARE,
    CONSTANT,
    MISSING_EVERYWHERE,
    ColumnEncoder,
    DroppedColumn,
    FitTarget,
)
from shrinkage.datasets.preparation.cell_counts import MOST_EXAMPLES, CellCounts, MissingBecomes
from shrinkage.datasets.preparation.row_cells import RowCells
from shrinkage.errors import InputError

FEW_LEVELS = 50
"""A column with at most so many levels on the fit rows keeps each of them, however rare."""

RARE_BELOW = 5
"""In others, levels of fewer fit rows share one input."""

MOST_INPUTS = 1000
"""A column that would make more inputs is refused."""


@dataclass(frozen=True)
class CategoryInputs(ColumnEncoder):
    """The levels of one column, in sorted order, then missing cells, then all rare levels.

    `None` is the level of missing cells, there only if the fit rows had some. Levels that are not
    `seen` (they come from other rows), and levels never met, give zeros. `rare` are the levels
    that share the last input, where `has_rare`.

    >>> CategoryInputs("city", ("Bern", None), (True, True), ("Chur",), True).input_names
    ('city=Bern', 'city is missing', 'city is rare')
    """

    kind: ClassVar[str] = "category"

    name: str
    levels: tuple[str | None, ...]
    seen: tuple[bool, ...]
    rare: tuple[str, ...] = ()
    has_rare: bool = False

    @classmethod
    def fit(
        cls, columns: InputColumns, rows: np.ndarray, target: FitTarget | None
    ) -> tuple[tuple[Self, ...], tuple[DroppedColumn, ...]]:
        """Learn the levels of each column; see `Encoder.fit`."""
        del target
        encoders, dropped = [], []
        for name in columns.encoded_as("one-hot"):
            levels, rare, reason = _learn(columns, rows, name)
            if reason:
                dropped.append((name, reason))
            else:
                encoders.append(cls(name, levels, (True,) * len(levels), rare, bool(rare)))
        return tuple(encoders), tuple(dropped)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return `column=level`, `column is missing` and `column is rare`."""
        names = [
            f"{self.name} is missing" if level is None else f"{self.name}={level}"
            for level in self.levels
        ]
        return (*names, *([f"{self.name} is rare"] if self.has_rare else []))

    @property
    def known_levels(self) -> tuple[str, ...]:
        """Return the levels that were seen, rare ones too."""
        return tuple(level for level in self._places if level is not None)

    def fill(self, cells: RowCells, out: np.ndarray) -> None:
        """Write zeros and ones into `out` (n, inputs)."""
        (codes, levels), places = cells.levels(self.name), self._places
        target = np.array([places.get(level, -1) for level in levels], dtype=np.intp)[codes]
        rows = np.flatnonzero(target >= 0)
        out[:] = 0
        out[rows, target[rows]] = 1

    def learned_by(self, narrower: Self | None) -> Self:
        """Return these inputs; levels that were rare there, or have no input here, are rare."""
        if narrower is None:
            return replace(self, seen=(False,) * len(self.levels), rare=())
        others = {level for level in narrower.levels if level is not None} - set(self.levels)
        rare = tuple(sorted({*narrower.rare, *others})) if self.has_rare else ()
        seen = tuple(level in narrower.levels for level in self.levels)
        return replace(self, seen=seen, rare=rare)

    def examine(self, cells: RowCells) -> tuple[CellCounts, ...]:
        """Return the missing cells, and those of levels that the fit rows had not."""
        places = self._places
        becomes = MissingBecomes.LEVEL if None in places else MissingBecomes.ZEROS
        return (count_levels(self.name, cells, set(self.known_levels), becomes),)

    @property
    def _places(self) -> dict[str | None, int]:
        """Return the input of each level that was seen."""
        places: dict[str | None, int] = dict.fromkeys(self.rare, len(self.levels))
        places.update((level, i) for i, level in enumerate(self.levels) if self.seen[i])
        return places


def count_levels(
    name: str, cells: RowCells, known: set[str], missing_becomes: MissingBecomes
) -> CellCounts:
    """Return how many cells of a column are missing, and how many are of no known level."""
    codes, levels = cells.levels(name)
    counts = np.bincount(codes, minlength=len(levels))
    new: dict[str, int] = {}
    for level, count in zip(levels, counts.tolist(), strict=True):
        if level is not None and level not in known and count:
            new[level] = new.get(level, 0) + count
    lacks = sum(int(n) for level, n in zip(levels, counts, strict=True) if level is None)
    examples = tuple(sorted(new, key=lambda level: -new[level])[:MOST_EXAMPLES])
    return CellCounts(name, len(cells), lacks, sum(new.values()), examples, missing_becomes)


def _learn(
    columns: InputColumns, rows: np.ndarray, name: str
) -> tuple[tuple[str | None, ...], tuple[str, ...], str]:
    """Return the levels with an input, the rare ones, and the reason to drop the column or ""."""
    counts = columns.level_counts(rows, name)
    if not counts.levels:
        return (), (), MISSING_EVERYWHERE
    if len(counts.levels) == 1 and not counts.missing:
        return (), (), CONSTANT
    least = _least_rows(columns, name, counts)
    frequent = tuple(level for level, n in counts.levels.items() if n >= least)
    rare = tuple(level for level, n in counts.levels.items() if n < least)
    if not frequent and not counts.missing:
        return (), (), ALL_RARE
    if len(frequent) > MOST_INPUTS:
        raise InputError(
            f"column {name!r}: expected at most {MOST_INPUTS} levels with an input each, got "
            f"{len(frequent)}: set encode to 'target' or 'hash' for it in columns.toml, or a "
            "larger number of rows for `rare`"
        )
    return (*frequent, *([None] if counts.missing else [])), rare, ""


def _least_rows(columns: InputColumns, name: str, counts: LevelCounts) -> int:
    asked = columns.spec(name).rare
    if asked is not None:
        return asked
    many = len(counts.levels) > FEW_LEVELS
    return RARE_BELOW if many and columns.kind(name) is ColumnKind.CATEGORY else 1
