"""Words that mean `missing`, always or among numbers and dates only.

Who uses this: the judgement of columns, and rows that are read for a finished model. The first list
holds pandas' words; the second what people write into columns of numbers. Such a word may be a real
category (`none` of a garage, `unknown` of a job), so among words it stays a level, and is told.
Source: the default `na_values` of https://pandas.pydata.org/docs/reference/api/pandas.read_csv.html
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_specs import ColumnKind

_ALWAYS = """na n/a n/a. n.a. n.a #n/a #na <na> [na] (na) nan -nan nat null <null> (null) [null]
    ? ?? \\n 1.#ind -1.#ind 1.#qnan -1.#qnan #value! #ref! #div/0! #num! #name? #null!"""
_AMONG_NUMBERS = """- -- --- . .. ... … – — * ** # none nil unknown unk missing unavailable
    undefined undef tbd nd n.d. n.d n.v. k.a. blank empty nodata inconnu unbekannt desconocido"""
_OF_SEVERAL_WORDS = (
    "0000-00-00,0000-00-00 00:00:00,00/00/0000,00.00.0000,"
    "not available,not applicable,not known,not reported,no data,no value,keine angabe,k. a.,"
    "n. a.,n / a"
)

ALWAYS_MISSING = frozenset(_ALWAYS.split()) | {"#n/a n/a", ""}
"""Words that mean missing in every column, in small letters."""

MISSING_AMONG_NUMBERS = frozenset(_AMONG_NUMBERS.split()) | set(_OF_SEVERAL_WORDS.split(","))
"""Words that mean missing in a column whose other cells are numbers or dates."""

MISSING_BESIDE_NUMBERS = ALWAYS_MISSING | MISSING_AMONG_NUMBERS
"""All words that mean missing in a column of numbers or dates."""


def plain_word(text: str) -> str:
    """Return a word in small letters, with single blanks inside and none around.

    >>> plain_word("  Not\\u00a0 Available ")
    'not available'
    """
    return " ".join(text.casefold().split())


def missing_words(rule: CellRule) -> frozenset[str]:
    """Return the words, as `plain_word` writes them, that mean missing in a column.

    >>> "unknown" in missing_words(CellRule(ColumnKind.NUMERIC))
    True
    >>> "unknown" in missing_words(CellRule(ColumnKind.CATEGORY))
    False
    """
    words = rule.kind in (ColumnKind.CATEGORY, ColumnKind.ORDINAL)
    return words_among_levels(rule.missing) if words else words_among_numbers(rule.missing)


def words_among_levels(said: Sequence[str] | None) -> frozenset[str]:
    """Return the words that mean missing among words: exactly those said, else the usual ones.

    >>> "na" in words_among_levels(("none",)), "na" in words_among_levels(None)
    (False, True)
    """
    return ALWAYS_MISSING if said is None else said_words(said)


def words_among_numbers(said: Sequence[str] | None) -> frozenset[str]:
    """Return the words that mean missing among numbers and dates: those said and the usual ones.

    Where it was said that there are none, there are none.

    >>> "na" in words_among_numbers(("-999",)), "na" in words_among_numbers(())
    (True, False)
    """
    if said is None:
        return MISSING_BESIDE_NUMBERS
    return said_words(said) | MISSING_BESIDE_NUMBERS if said else said_words(said)


def are_missing(texts: Sequence[str], words: frozenset[str]) -> np.ndarray:
    """Return which texts are words for missing, (d,).

    >>> are_missing(["N/A", "5"], ALWAYS_MISSING).tolist()
    [True, False]
    """
    longest = 2 * max(map(len, words))  # blanks inside may be wide
    starts = {word[:1] for word in words} | {" "}
    lost = (
        len(text) <= longest and text[:1].casefold() in starts and plain_word(text) in words
        for text in texts
    )
    return np.fromiter(lost, dtype=bool, count=len(texts))


@cache
def said_words(words: Sequence[str]) -> frozenset[str]:
    """Return the words that a person named, as `plain_word` writes them, and the empty one.

    >>> sorted(said_words(("-999", "No Answer")))
    ['', '-999', 'no answer']
    """
    return frozenset({plain_word(word) for word in words} | {""})
