"""Levels of categories: blanks, case and spellings of truth made alike, once and for all rows.

Who uses this: the judgement of columns, and rows that are read for a finished model. Blanks around
and inside never set levels apart. Words of three letters or more that differ only in being small,
capital or titled are one level; shorter ones and odd casings stay apart, for `aa`, `Aa` and `AA`
are genotypes, `Co` and `CO` chemistry. Columns that spell true and false are two levels, however
each cell spells them.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shrinkage.datasets.cell_rules import CellRule

_TRUTHS = tuple(
    tuple(frozenset(words.split()) for words in pair.split("|"))
    for pair in (
        "false f 0|true t 1",
        "no n 0|yes y 1",
        "off 0|on 1",
        "nein n 0|ja j 1",
        "falsch 0|wahr 1",
        "non n 0|oui o 1",
        "faux f 0|vrai v 1",
        "no n 0|si sí s 1",
        "falso f 0|verdadero verdadeiro vero v 1",
        "não nao n 0|sim s 1",
        ".false. 0|.true. 1",
        "нет 0|да 1",
    )
)
"""Words for false and for true, a language each."""

_FALSE = frozenset(word for no, _ in _TRUTHS for word in no)
_TRUE = frozenset(word for _, yes in _TRUTHS for word in yes)
TRUTH_WORDS = _FALSE | _TRUE
"""All of them, in small letters."""
_FEW_LETTERS = 3


@dataclass(frozen=True)
class LevelForm:
    """How the levels of a column are spelled.

    Args:
        spelled: the level of each distinct text.
        merged: `(text, level)` where the two differ.
        apart: whether some levels differ only by case.
        truth: the levels that mean false and true, if the column is one of booleans.
    """

    spelled: tuple[str, ...]
    merged: tuple[tuple[str, str], ...] = ()
    apart: bool = False
    truth: tuple[str, ...] = ()


def plain_level(text: str) -> str:
    """Return a text with single blanks inside and none around, its accents composed.

    >>> plain_level("  New   York ")
    'New York'
    """
    text = " ".join(text.split())
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def level_form(texts: Sequence[str], counts: np.ndarray, *, keep_case: bool = False) -> LevelForm:
    """Return how the levels of a column are spelled: as most of its cells spell each.

    Args:
        texts: the distinct cells, (d,), without those that mean missing.
        counts: how often each occurs, (d,).
        keep_case: whether words that differ only by case are different levels.

    >>> level_form(["Private", " private", "State"], np.array([5, 1, 2])).spelled
    ('Private', 'Private', 'State')
    >>> level_form(["TRUE", "no", "True"], np.array([1, 2, 3])).truth
    ()
    """
    plain = [plain_level(text) for text in texts]
    votes = Counter[str]()
    for text, count in zip(plain, counts.tolist(), strict=True):
        votes[text] += count
    truth = _truth(votes)
    if truth:
        spelled = [truth[_says_true(text)] for text in plain]
        apart = False
    else:
        level_of, apart = (dict[str, str](), False) if keep_case else _cases(votes)
        spelled = [level_of.get(text, text) for text in plain]
    merged = tuple(pair for pair in zip(texts, spelled, strict=True) if pair[0] != pair[1])
    return LevelForm(tuple(spelled), merged, apart, truth)


def _cases(votes: Counter[str]) -> tuple[dict[str, str], bool]:
    """Return the levels of words that only case sets apart, and whether some such stay apart."""
    alike: dict[str, list[str]] = {}
    for text, _ in votes.most_common():
        alike.setdefault(text.casefold(), []).append(text)
    several = [texts for texts in alike.values() if len(texts) > 1]
    words = [texts for texts in several if all(map(_is_plainly_cased, texts))]
    return {text: texts[0] for texts in words for text in texts}, len(words) < len(several)


def _is_plainly_cased(text: str) -> bool:
    letters = sum(letter.isalpha() for letter in text)
    shapes = (text.lower(), text.upper(), text.capitalize(), text.title())
    return letters >= _FEW_LETTERS and text in shapes


def _truth(votes: Counter[str]) -> tuple[str, ...]:
    """Return the commonest spelling of false and of true, where all texts spell one of the two."""
    words = {text.casefold() for text in votes}
    if len(words) > 2 * _FEW_LETTERS or words <= {"0", "1"}:
        return ()
    for no, yes in _TRUTHS:
        if words <= no | yes and words & no and words & yes:
            false = next(text for text, _ in votes.most_common() if text.casefold() in no)
            true = next(text for text, _ in votes.most_common() if text.casefold() in yes)
            return (false, true)
    return ()


def _says_true(text: str) -> bool:
    return text.casefold() in _TRUE


def known_levels(rule: CellRule) -> Mapping[str, str]:
    """Return what finds a level of the rule: by its own text, and by small letters where one fits.

    >>> from shrinkage.datasets.column_specs import ColumnKind
    >>> known_levels(CellRule(ColumnKind.CATEGORY, levels=("Bern", "aa", "AA")))["bern"]
    'Bern'
    """
    exact = {level: level for level in rule.levels}
    if rule.keep_case:
        return exact
    return {**_only(rule.levels, _whole_number), **_only(rule.levels, str.casefold), **exact}


def _only(levels: Sequence[str], key_of: Callable[[str], str]) -> dict[str, str]:
    """Return the levels by a key, those alone that share it with no other."""
    keys = [key_of(level) for level in levels]
    times = Counter(keys)
    return {key: level for key, level in zip(keys, levels, strict=True) if times[key] == 1 and key}


def _whole_number(text: str) -> str:
    """Return what is the same for `2.0`, `2` and `02`; nothing for other texts."""
    digits = text.removesuffix(".0")
    return str(int(digits)) if digits.isascii() and digits.isdecimal() else ""


def spell_level(text: str, rule: CellRule, known: Mapping[str, str]) -> str:
    """Return the level that a text means under a rule, or the text where it is a new one.

    Args:
        text: a cell.
        rule: how the column was read in training.
        known: `known_levels(rule)`.

    >>> from shrinkage.datasets.column_specs import ColumnKind
    >>> rule = CellRule(ColumnKind.CATEGORY, levels=("no", "yes"), truth=("no", "yes"))
    >>> spell_level(" TRUE", rule, known_levels(rule)), spell_level("x", rule, known_levels(rule))
    ('yes', 'x')
    """
    text = plain_level(text)
    if text in known:
        return known[text]
    word = text.casefold()
    if not rule.keep_case and word in known:
        return known[word]
    if rule.truth and word in TRUTH_WORDS:
        return rule.truth[_says_true(word)]
    return known.get(_whole_number(text), text)
