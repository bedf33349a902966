"""Columns of categories, and ordinals whose order a person said."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_readings import ColumnDoubt, ColumnReading
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.judging.base import JudgedColumn, TextColumn
from shrinkage.datasets.judging.level_forms import known_levels, level_form, spell_level
from shrinkage.datasets.judging.missing_words import MISSING_AMONG_NUMBERS, plain_word
from shrinkage.datasets.judging.numbers import has_leading_zeros
from shrinkage.errors import InputError

MOST_COUNTED = 20
"""The counts of so many levels are told."""


def judge_levels(column: TextColumn) -> JudgedColumn:
    """Return a column of categories, or of an ordinal where an order was said.

    >>> from shrinkage.datasets.cells import DistinctCells, plain_row, text_cells
    >>> from shrinkage.datasets.column_specs import ColumnSpec
    >>> cells = text_cells(["Bern", " bern", "Basel"])
    >>> column = TextColumn("city", cells, DistinctCells.of(cells), ColumnSpec(), plain_row)
    >>> judge_levels(column).values.tolist()
    ['Bern', 'Bern', 'Basel']
    """
    missing = column.missing_among_words
    places = np.flatnonzero(~missing)
    texts = [column.distinct.texts[place] for place in places]
    counts = column.distinct.counts[places]
    if column.spec.order:
        return _ordinal(column, missing, texts)
    form = level_form(texts, counts, keep_case=column.spec.keep_case)
    rule = CellRule(
        ColumnKind.CATEGORY,
        missing=column.spec.missing,
        levels=tuple(sorted(set(form.spelled))),
        truth=form.truth,
        keep_case=column.spec.keep_case,
    )
    words = {t: int(n) for t, n in zip(texts, counts, strict=True) if _may_be_missing(column, t)}
    doubts = (
        (ColumnDoubt.WORDS_AS_LEVELS, bool(words)),
        (ColumnDoubt.BLANKS_MERGED, _blanks_matter(column, texts)),
        (ColumnDoubt.CASES_APART, form.apart),
        (ColumnDoubt.LEADING_ZEROS, column.spec.kind is None and has_leading_zeros(texts)),
    )
    reading = replace(
        _told(column, missing, rule, form.spelled, counts),
        level_words=tuple(sorted(words.items(), key=lambda pair: -pair[1])),
        merged=form.merged,
        doubts=tuple(doubt for doubt, holds in doubts if holds),
    )
    return JudgedColumn(_typed(column, places, form.spelled, rule), reading)


def _blanks_matter(column: TextColumn, texts: list[str]) -> bool:
    """Return whether some cells would be levels of their own but for the blanks around them."""
    trimmed = pc.utf8_trim_whitespace(column.cells)  # pyright: ignore[reportAttributeAccessIssue]
    levels = pa.array(texts, pa.string())
    present = pc.is_in(trimmed, value_set=levels)  # pyright: ignore[reportAttributeAccessIssue]
    return pc.count_distinct(column.cells.filter(present)).as_py() > len(texts)  # pyright: ignore[reportAttributeAccessIssue]


def _may_be_missing(column: TextColumn, text: str) -> bool:
    return column.spec.missing is None and plain_word(text) in MISSING_AMONG_NUMBERS


def _ordinal(column: TextColumn, missing: np.ndarray, texts: list[str]) -> JudgedColumn:
    """Return a column whose levels have an order."""
    spec = column.spec
    rule = CellRule(
        ColumnKind.ORDINAL, missing=spec.missing, levels=spec.order, keep_case=spec.keep_case
    )
    known = known_levels(rule)
    spelled = [spell_level(text, rule, known) for text in texts]
    places = np.flatnonzero(~missing)
    strange = [place for place, level in zip(places, spelled, strict=True) if level not in known]
    if strange:
        where, cell = column.first(np.isin(np.arange(len(missing)), strange))
        raise InputError(
            f"column {column.name!r}, {where}: expected a level out of its order "
            f"({', '.join(spec.order)}), got {cell!r}: add it to the order in columns.toml, or "
            "correct the cell"
        )
    reading = _told(column, missing, rule, tuple(spelled), column.distinct.counts[places])
    return JudgedColumn(_typed(column, places, tuple(spelled), rule), reading)


def _told(
    column: TextColumn,
    missing: np.ndarray,
    rule: CellRule,
    spelled: tuple[str, ...],
    counts: np.ndarray,
) -> ColumnReading:
    """Return the reading of a column of levels, with their counts."""
    times = Counter[str]()
    for level, count in zip(spelled, counts.tolist(), strict=True):
        times[level] += count
    common = tuple(times.most_common(MOST_COUNTED))
    return replace(column.reading(missing, rule), levels=len(times), counts=common)


def _typed(
    column: TextColumn, places: np.ndarray, spelled: tuple[str, ...], rule: CellRule
) -> pd.Series:
    """Return the cells as a categorical of the rule's levels."""
    place = {level: code for code, level in enumerate(rule.levels)}
    codes = np.full(len(column.distinct.texts), -1)
    codes[places] = [place[level] for level in spelled]
    cells = pd.Categorical.from_codes(
        column.distinct.spread(codes, -1),  # pyright: ignore[reportArgumentType]
        categories=pd.Index(rule.levels, dtype=object),
        ordered=rule.kind is ColumnKind.ORDINAL,
    )
    return pd.Series(cells, name=column.name)
