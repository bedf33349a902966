"""Numbers that stand for missing cells: -200 in a sensor's file, 999 in a questionnaire's.

Such a number is met again and again, at an end of the column, further from all others than these
are from each other. One of nines, or of another sign than all others, is how people write it; any
other number has to lie much further off, so that long tails are left alone.
"""

from __future__ import annotations

import re

import numpy as np

from shrinkage.cautions import Caution, CautionKind
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.input_columns import InputColumns

FEWEST_CELLS = 3
LEAST_SHARE = 0.001
"""Fewer cells than these are outliers."""

MOST_CODES = 3
"""Questionnaires have several side by side: 97 refused, 98 does not know, 99 missing."""

FEWEST_OTHERS = 3
"""With fewer different numbers beside them nothing is far."""

FAR = 3.0
MANY_OTHERS = 10
"""How many times as far off as the others are wide a number is that does not look like a code, and
how many of them there are at least."""

_NINES = re.compile(r"-?9{2,}|-?9{2,}[.]9{1,}")


def sentinels(columns: InputColumns, rows: np.ndarray) -> tuple[Caution, ...]:
    """Say which columns of numbers hold numbers that may stand for missing cells.

    Args:
        columns: the columns.
        rows: the rows to look at.
    """
    if isinstance(columns.values, np.ndarray):
        return ()
    said = []
    for name in columns.of_kind(ColumnKind.NUMERIC):
        numbers = columns.numbers(rows, [name])[:, 0]
        codes = sentinels_among(numbers)
        if len(codes):
            others = numbers[~np.isin(numbers, codes) & ~np.isnan(numbers)]
            facts = {
                "column": name,
                "values": [f"{code:.15g}" for code in codes],
                "cells": int(np.isin(numbers, codes).sum()),
                "least": f"{others.min():.6g}",
                "most": f"{others.max():.6g}",
            }
            said.append(Caution(CautionKind.SENTINEL, facts))
    return tuple(said)


def sentinels_among(numbers: np.ndarray) -> np.ndarray:
    """Return the numbers that may stand for missing ones, ascending.

    >>> sentinels_among(np.array([1.5, 2.5, 3.0, -200.0] * 3)).tolist()
    [-200.0]
    >>> sentinels_among(np.array([1.0, 2.0, 3.0, 40.0] * 3)).tolist()
    []
    """
    known = numbers[~np.isnan(numbers)]
    if not len(known) or max(_count(known, known.min()), _count(known, known.max())) < FEWEST_CELLS:
        return known[:0]
    values, counts = np.unique(known, return_counts=True)
    often = counts >= max(FEWEST_CELLS, LEAST_SHARE * counts.sum())
    codes: list[float] = []
    for _ in range(2):  # what lies far on one side is no measure of the other
        for sign in (1, -1):
            place = ~np.isin(values, codes)
            found = _codes((sign * values[place])[::sign], often[place][::sign])
            codes += [sign * code for code in found.tolist()]
    return np.array(sorted(codes))


def _count(numbers: np.ndarray, value: float) -> int:
    return int(np.count_nonzero(numbers == value))


def _codes(values: np.ndarray, often: np.ndarray) -> np.ndarray:
    """Return the least of some ascending numbers that lie far below all others."""
    for count in range(min(MOST_CODES, len(values) - FEWEST_OTHERS), 0, -1):
        codes, others = values[:count], values[count:]
        if often[:count].all() and _are_far(codes, others):
            return codes
    return values[:0]


def _are_far(codes: np.ndarray, others: np.ndarray) -> bool:
    gap, width = others[0] - codes[-1], others[-1] - others[0]
    if gap <= width or codes[-1] - codes[0] > MOST_CODES:
        return False
    nines = _NINES.fullmatch(f"{codes[0]:.15g}") is not None
    other_sign = codes[-1] < 0 <= others[0]
    alone = len(codes) == 1 and len(others) >= MANY_OTHERS
    return bool(nines or other_sign or (alone and gap > FAR * width))
