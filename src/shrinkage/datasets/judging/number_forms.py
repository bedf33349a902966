"""What the marks and units in a column of numbers mean: decided by a look at the whole column.

Who uses this: the judgement of columns. Among all pairs of decimal and thousands mark those are
taken under which most cells are numbers; where two readings fit every cell, what the rest of the
file says decides, else the commoner habit, and a doubt is noted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_readings import ColumnDoubt
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec
from shrinkage.datasets.judging.base import NO_HINTS, FileHints
from shrinkage.datasets.judging.number_text import (
    CLOCK,
    MAGNITUDES,
    PER_CENT,
    NumberText,
    marks_fit,
    number_text,
    numbers_of,
    unit_key,
)

UNIT_SHARE = 0.5
"""A unit belongs to a column of numbers from this share of its numbers on."""

_POINTED = frozenset(("$", "US$", "USD", "£", "GBP", "¥", "JPY", "CNY", "₹", "INR", "Rs", "Rs."))
"""Money that is written with a decimal point."""

_PAIRS = (
    (".", ""), (",", ""), (".", ","), (",", "."), (".", "'"), (",", "'"), (".", " "), (",", " "),
)  # fmt: skip
"""Decimal and thousands marks, the commoner before the rarer."""


@dataclass(frozen=True)
class NumberForm:
    """How a column's numbers are read.

    Args:
        rule: marks and units.
        values: float64 for each distinct text, NaN where it is no number.
        parts: of each distinct text, None where it is no number.
        doubts: what the column could not settle.
        proof: the decimal mark that the column proves to be in use, or nothing.
        is_open: whether what the rest of the file says may change the reading.
    """

    rule: CellRule
    values: np.ndarray
    parts: Sequence[NumberText | None]
    doubts: tuple[ColumnDoubt, ...] = ()
    proof: str = ""
    is_open: bool = False


def number_form(
    texts: Sequence[str], counts: np.ndarray, spec: ColumnSpec, hints: FileHints = NO_HINTS
) -> NumberForm:
    """Return how the numbers of a column are read.

    Args:
        texts: the distinct cells, (d,), without those that mean missing.
        counts: how often each occurs, (d,).
        spec: what a person said about the column.
        hints: what the rest of the file says.

    >>> form = number_form(["1.234,5", "12"], np.array([1, 1]), ColumnSpec())
    >>> form.rule.decimal, form.rule.thousands, form.values.tolist(), form.proof
    (',', '.', [1234.5, 12.0], ',')
    """
    parts = [number_text(text) for text in texts]
    rule, doubts = _units(parts, counts, spec)
    digits = Counter[str]()
    for part, count in zip(parts, counts.tolist(), strict=True):
        if part is not None:
            digits[part.marks] += count
    points = set(rule.units) & _POINTED
    marks = _marks(digits, spec, FileHints(decimal=".") if points else hints)
    rule = replace(rule, decimal=marks.decimal, thousands=marks.thousands)
    values = numbers_of(texts, parts, rule)
    proof = "" if CLOCK in rule.units else marks.proof
    return NumberForm(rule, values, parts, (*doubts, *marks.doubts), proof, marks.is_open)


@dataclass(frozen=True)
class _Marks:
    decimal: str
    thousands: str
    doubts: tuple[ColumnDoubt, ...] = ()
    proof: str = ""
    is_open: bool = False


def _marks(digits: Counter[str], spec: ColumnSpec, hints: FileHints) -> _Marks:
    pairs = _allowed_pairs(spec)
    fits = [sum(n for text, n in digits.items() if marks_fit(text, *pair)) for pair in pairs]
    best = [pair for pair, fit in zip(pairs, fits, strict=True) if fit == max(fits)]
    first = best[0]
    if spec.decimal is not None or spec.thousands is not None:
        return _Marks(*first)
    return _settled(first, best, digits, hints)


def _settled(
    first: tuple[str, str], best: list[tuple[str, str]], digits: Counter[str], hints: FileHints
) -> _Marks:
    """Choose between a decimal mark and a thousands mark where both fit all cells."""
    hint = hints.decimal
    marked = {mark for text in digits for mark in ".," if mark in text}
    if first == (".", "") and "." in marked:
        if (",", ".") not in best:
            return _Marks(*first, proof=".")
        if (hint == "," and hints.proven) or (hint != "." and _grow_into_thousands(digits)):
            return _Marks(",", ".", (ColumnDoubt.POINT_AS_THOUSANDS,), is_open=True)
        return _Marks(*first, is_open=True)
    if first == (",", "") and "," in marked:
        if (".", ",") not in best:
            return _Marks(*first, proof=",")
        if hint == ",":
            return _Marks(*first, (ColumnDoubt.COMMA_AS_DECIMAL,), is_open=True)
        doubts = () if hint == "." else (ColumnDoubt.COMMA_AS_THOUSANDS,)
        return _Marks(".", ",", doubts, is_open=True)
    if first == (".", ",") and (",", ".") in best:
        if hint == ",":
            return _Marks(",", ".", (ColumnDoubt.COMMA_AS_DECIMAL,), is_open=True)
        doubts = () if hint == "." else (ColumnDoubt.COMMA_AS_THOUSANDS,)
        return _Marks(*first, doubts, is_open=True)
    proven = first[0] in marked or (first[1] != "" and first[1] in marked)
    return _Marks(*first, proof=first[0] if proven else "")


def _grow_into_thousands(digits: Counter[str]) -> bool:
    """Return whether numbers below a thousand have no point and all others have three digits more.

    Numbers with three decimals have them in every cell; `500` beside `1.000` is a whole number.
    """
    bare = [len(marks) for marks in digits if "." not in marks]
    pointed = sum(count for marks, count in digits.items() if "." in marks)
    return bool(bare) and max(bare) == 3 and pointed >= 3


def fits_some_marks(digits: str) -> bool:
    """Return whether digits with marks are a number under some pair of marks.

    >>> fits_some_marks("1.234,5"), fits_some_marks("10.0.174.3")
    (True, False)
    """
    return any(marks_fit(digits, *pair) for pair in _PAIRS)


def _allowed_pairs(spec: ColumnSpec) -> list[tuple[str, str]]:
    """Return the pairs of marks that agree with what a person said."""
    pairs = [
        (decimal, thousands)
        for decimal, thousands in _PAIRS
        if spec.decimal in (None, decimal) and spec.thousands in (None, thousands)
    ]
    if pairs:
        return pairs
    thousands = spec.thousands or ""
    return [(spec.decimal or ("," if thousands == "." else "."), thousands)]


def _units(
    parts: Sequence[NumberText | None], counts: np.ndarray, spec: ColumnSpec
) -> tuple[CellRule, tuple[ColumnDoubt, ...]]:
    """Return a rule with the units that most numbers share, and whether some lack them."""
    before, behind = Counter[str](), Counter[str]()
    for part, count in zip(parts, counts.tolist(), strict=True):
        if part is not None:
            before[part.before] += count
            behind[part.behind] += count
    rule = CellRule(ColumnKind.NUMERIC, missing=spec.missing)
    if spec.unit is not None:
        return replace(rule, units=(spec.unit,) if spec.unit else ()), ()
    total = sum(before.values())
    magnitudes = _are_magnitudes(behind)
    if magnitudes:
        behind = Counter({u: n for u, n in behind.items() if u.casefold() not in MAGNITUDES})
    units = tuple(unit for side in (before, behind) if (unit := _shared(side, total)))
    rule = replace(rule, units=units, magnitudes=magnitudes)
    bare = sum(
        int(count)
        for part, count in zip(parts, counts, strict=True)
        if part is not None and units and not part.before and not part.behind
        and part.digits.strip("0.,")
    )  # fmt: skip
    bare = 0 if PER_CENT.keys() & set(units) else bare  # those are no numbers there
    return rule, ((ColumnDoubt.BARE_NUMBERS,) if bare else ())


def _shared(units: Counter[str], total: int) -> str:
    """Return the commonest spelling of the unit that most numbers have, or nothing."""
    keys = Counter[str]()
    for unit, count in units.items():
        keys[unit_key(unit)] += count
    keys.pop("", None)
    if not keys:
        return ""
    (key, count), *_ = keys.most_common(1)
    if count < UNIT_SHARE * total:
        return ""
    return next(unit for unit, _ in units.most_common() if unit_key(unit) == key)


def _are_magnitudes(units: Counter[str]) -> bool:
    """Return whether letters behind the numbers are thousands, millions, … of one another."""
    letters = {unit.casefold() for unit in units if unit.casefold() in MAGNITUDES}
    bare = "" in units
    return ("k" in letters and (len(letters) > 1 or bare)) or {"m", "b"} <= letters
