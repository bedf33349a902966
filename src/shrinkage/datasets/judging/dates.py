"""Columns of dates and times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.judging.base import ENOUGH, FileHints, JudgedColumn, TextColumn
from shrinkage.datasets.judging.date_forms import are_likely, date_form, dates_of
from shrinkage.datasets.wording import listed
from shrinkage.errors import InputError

SOME = 0.3
"""From this share of dates of one form on, other forms beside it are asked about."""


def judge_dates(column: TextColumn, hints: FileHints, *, said: bool = False) -> JudgedColumn | None:
    """Return a column of dates, or None where it is none."""
    missing = column.missing_among_numbers
    places = np.flatnonzero(~missing)
    texts = [column.distinct.texts[place] for place in places]
    counts = column.distinct.counts[places]
    spoken = column.spec.date_format
    form = None if spoken else date_form(texts, counts, hints.day_first)
    if form is None and not spoken:
        return None
    dates = form.values if form is not None else dates_of(texts, spoken or "")
    present, dated = int(counts.sum()), int(counts[~np.isnat(dates)].sum())
    if not dated or (dated < ENOUGH * present - 1e-9 and not said):
        _refuse_mixture(column, texts, counts, dates)
        return None
    values = np.full(len(column.distinct.texts), np.datetime64("NaT", "us"))
    values[places] = dates
    bad = np.isnat(values) & ~missing
    if bad.any():
        where, cell = column.first(bad)
        raise InputError(
            f"column {column.name!r}, {where}: expected a date as in {dated} of its {present} "
            f"cells, got {cell!r}: correct it, leave it empty, or drop the column"
        )
    date_format = spoken or (form.date_format if form is not None else "")
    rule = CellRule(ColumnKind.DATE, missing=column.spec.missing, date_format=date_format)
    reading = replace(
        column.reading(missing, rule),
        doubts=form.doubts if form is not None else (),
        least=str(dates.min()),
        most=str(dates.max()),
    )
    cells = column.distinct.spread(values, np.datetime64("NaT", "us"))
    proof = FileHints(day_first=form.day_first if form is not None else None)
    is_open = form is not None and form.is_open
    return JudgedColumn(pd.Series(cells, name=column.name), reading, proof, is_open)


def _refuse_mixture(
    column: TextColumn, texts: list[str], counts: np.ndarray, dates: np.ndarray
) -> None:
    """Raise for dates in several formats, which no single one reads."""
    known = ~np.isnat(dates)
    if counts[known].sum() < SOME * counts.sum() or not are_likely(texts, counts):
        return
    read, other = int(np.argmax(known)), int(np.argmin(known))
    raise InputError(
        f"column {column.name!r}: expected dates that are written alike, got several forms "
        f"({listed([texts[read], texts[other]])}): write them alike, or say in "
        'columns.toml (--columns) kind = "category"'
    )
