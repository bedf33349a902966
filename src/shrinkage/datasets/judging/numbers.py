"""Columns of numbers, however they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from shrinkage.datasets.cells import require_finite
from shrinkage.datasets.judging.base import ENOUGH, FileHints, JudgedColumn, TextColumn, ends
from shrinkage.datasets.judging.number_forms import NumberForm, fits_some_marks, number_form
from shrinkage.datasets.judging.number_text import (
    PER_CENT,
    NumberText,
    is_measured,
    unit_key,
)
from shrinkage.datasets.wording import listed, one_line
from shrinkage.errors import InputError

MANY_NUMBERS = 20
"""With more different numbers than this, and a few words, a column is no set of categories."""

FEW_AMOUNTS = 10
"""So many different amounts may be categories, whatever their units."""

FEW_UNITS = 4
"""With so many units of any name at most, and many numbers, they are units and no words."""

FEW_WORDS = 5
"""So many different words among many numbers are asked about, instead of taken for levels."""


def judge_numbers(
    column: TextColumn, hints: FileHints, *, said: bool = False
) -> JudgedColumn | None:
    """Return a column of numbers, or None where it is none."""
    missing = column.missing_among_numbers
    places = np.flatnonzero(~missing)
    texts = [column.distinct.texts[place] for place in places]
    counts = column.distinct.counts[places]
    nothing = not texts and column.spec.missing is not None
    if not said and (nothing or has_leading_zeros(texts)):
        return None
    form = number_form(texts, counts, column.spec, hints)
    good = ~np.isnan(form.values)
    present, numeric = int(counts.sum()), int(counts[good].sum())
    if numeric < ENOUGH * present - 1e-9 and not (said and numeric):
        if not said:
            _refuse_mixtures(column, texts, counts, form.parts)
            _refuse_few_words(column, texts, counts, form)
        return None
    values = np.full(len(column.distinct.texts), np.nan)
    values[places] = form.values
    bad = np.isnan(values) & ~missing
    if bad.any():
        where, cell = column.first(bad)
        marks = f" with the decimal mark {form.rule.decimal!r}" if form.rule.decimal != "." else ""
        raise InputError(
            f"column {column.name!r}, {where}: expected a number{marks} as in {numeric} of its "
            f"{present} cells, got {cell!r}: correct it, leave it empty, drop the column, or say "
            f'in columns.toml (--columns) missing = ["{one_line(cell, 20)}"] or kind = "category"'
        )
    cells = column.distinct.spread(values, np.nan)
    require_finite(cells, column.name, column.locate, lambda row: column.cells[row].as_py())
    least, most = ends(form.values)
    reading = replace(
        column.reading(missing, form.rule), doubts=form.doubts, least=least, most=most
    )
    proof = FileHints(decimal=form.proof)
    return JudgedColumn(pd.Series(cells, name=column.name), reading, proof, form.is_open)


def has_leading_zeros(texts: list[str]) -> bool:
    """Return whether digits of one width, some with zeros before them, are codes and no numbers."""
    width = len(texts[0]) if texts else 0
    return (
        width > 1
        and any(text[0] == "0" for text in texts)
        and all(len(text) == width and text.isascii() and text.isdigit() for text in texts)
    )


def _refuse_mixtures(
    column: TextColumn,
    texts: list[str],
    counts: np.ndarray,
    parts: Sequence[NumberText | None],
) -> None:
    """Raise for amounts in several units, or with several decimal marks."""
    common = _common_units(parts, counts)
    amounts = [
        part is not None
        and fits_some_marks(part.marks)
        and (is_measured(part) or unit_key(part.behind) in common)
        for part in parts
    ]
    if len(texts) <= FEW_AMOUNTS or counts[amounts].sum() < ENOUGH * counts.sum():
        return
    units = {unit_key(unit) for part in parts if part for unit in (part.before, part.behind)}
    several = len(units - {""}) > 1 or PER_CENT.keys() & units
    alike = all("," not in part.digits for part in parts if part)
    what = ("decimal marks", "one of them")
    if several or alike:
        what = ("units", "one unit") if several else ("units or none", "the unit in every cell")
    examples = {(unit_key(p.before), unit_key(p.behind), "," in p.digits): t
                for p, t in zip(parts, texts, strict=True) if p}  # fmt: skip
    raise InputError(
        f"column {column.name!r}: expected numbers that are written alike, got several {what[0]} "
        f"({listed(examples.values())}): write them with {what[1]}, or say in "
        'columns.toml (--columns) kind = "category"'
    )


def _common_units(parts: Sequence[NumberText | None], counts: np.ndarray) -> set[str]:
    """Return the units behind numbers, where there are only a few and none is rare."""
    times = Counter[str]()
    for part, count in zip(parts, counts.tolist(), strict=True):
        if part is not None and part.behind:
            times[unit_key(part.behind)] += count
    few = len(times) <= FEW_UNITS and not set(times) & {"st", "nd", "rd", "th"}
    return {unit for unit, count in times.items() if few and count >= 0.05 * counts.sum()}


def _refuse_few_words(
    column: TextColumn, texts: list[str], counts: np.ndarray, form: NumberForm
) -> None:
    """Raise for many different numbers with a few words: as categories they are lost in silence."""
    good = ~np.isnan(form.values)
    words = [text for text, number in zip(texts, good, strict=True) if not number]
    if len(words) > FEW_WORDS or np.count_nonzero(good) <= MANY_NUMBERS:
        return
    share = counts[good].sum() / counts.sum()
    if share >= 0.5:
        shown = ", ".join(f'"{word}"' for word in words)
        raise InputError(
            f"column {column.name!r}: expected numbers or words, got {share:.0%} numbers and "
            f"{shown}: say in columns.toml (--columns) missing = [{shown}] to read numbers, or "
            'kind = "category" to read words; or drop it'
        )
