"""What each column was taken for, in words: for the terminal and the page.

Who uses this: `shrinkage data`, `shrinkage path` before it trains, and the report. The facts are
the records of `columns` in `summary.json`; what is ordinary makes no sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from shrinkage.drawing.text import plain, with_minus

SHOWN = 3
"""How many words a sentence lists before it stops."""

Record = Mapping[str, Any]

_KINDS = {
    "numeric": "numbers",
    "category": "categories",
    "ordinal": "ordered levels",
    "date": "dates",
    "pixels": "pixels",
    "shaped": "as it is",
}

DOUBTS = {
    "comma-as-thousands": "1,234 is taken for a thousand and more, though every cell would also "
    'read as a decimal (decimal = "," says that it is one)',
    "comma-as-decimal": "1,234 is taken for a little above one, as other columns have decimal "
    'commas (thousands = "," says otherwise)',
    "point-as-thousands": "1.234 is taken for a thousand and more, as smaller numbers have no "
    'point or other columns have decimal commas (decimal = "." says otherwise)',
    "day-first": "every date reads both ways: taken day first (date_format says otherwise)",
    "month-first": "every date reads both ways: taken month first (date_format says otherwise)",
    "short-years": "years of two digits are taken for 1969 to 2068 (four digits say otherwise)",
    "universal-time": "hours and days are those of universal time (UTC), not of the zone that the "
    "cells are in",
    "lost-digits": "whole numbers of so many digits lose the last ones, and some became equal "
    '(kind = "category" keeps them)',
    "leading-zeros": 'digits with leading zeros are taken for codes (kind = "numeric" says '
    "otherwise)",
    "bare-numbers": "some numbers lack the unit of the others and are taken for the same",
    "words-as-levels": "",  # told with the words
    "blanks-merged": "cells that differ only by blanks around them are one level",
    "cases-apart": "levels that differ only by case are kept apart",
}
"""The sentence of each doubt, by its name in a record."""


def kind_words(record: Record) -> str:
    """Return what a column was taken for.

    >>> kind_words({"kind": "numeric", "rule": {"kind": "numeric"}})
    'numbers'
    >>> kind_words({"kind": "category", "rule": {"truth": ["no", "yes"]}})
    'yes or no'
    """
    truth = record["rule"].get("truth")
    return f"{_word(truth[1])} or {_word(truth[0])}" if truth else _KINDS[record["kind"]]


def column_shows(record: Record, shown: int = SHOWN) -> str:
    """Return the range of numbers and dates, or the commonest levels.

    >>> column_shows({"kind": "category", "levels": 3, "counts": [["a", 5], ["b", 2]]}, 1)
    '3: a (5), …'
    """
    if record["kind"] in ("category", "ordinal"):
        counts = record["counts"]
        words = [f"{_word(level)} ({count})" for level, count in counts[:shown]]
        more = ["…"] if record["levels"] > len(words) else []
        return f"{record['levels']}: {', '.join([*words, *more])}"
    if record["kind"] == "date":
        least, most = (_day(record[end]) for end in ("least", "most"))
        return f"{least} to {most}"
    if not record["least"]:
        return "nothing"
    return f"{with_minus(record['least'])} to {with_minus(record['most'])}"


def column_sentences(record: Record) -> list[str]:
    """Return a sentence for each decision about a column that is not ordinary.

    Args:
        record: of `columns` in `summary.json`.

    >>> rule = {"kind": "numeric", "decimal": ",", "thousands": "."}
    >>> record = {"rule": rule, "examples": ["1.234,5"], "missing_words": [["n/a", 3]]}
    >>> column_sentences(record)
    ['decimal commas, points between thousands', '"n/a" taken for missing']
    """
    facts = (rule for rule in _SENTENCES if rule(record))
    doubts = (DOUBTS[doubt] for doubt in record.get("doubts", ()))
    return [*(sentence(record) for sentence in facts), *(text for text in doubts if text)]


def told_columns(records: Iterable[Record], most: int = 12) -> list[str]:
    """Return a line for each decision that is not ordinary, columns with the same one together.

    Args:
        records: of `columns` in `summary.json`.
        most: so many lines, then how many are left out.

    >>> rule = {"kind": "numeric", "units": ["%"]}
    >>> told_columns([{"name": name, "rule": rule} for name in "abcd"])
    ['a, b, c and 1 more: per cent, read as shares: 12% is 0.12']
    """
    columns: dict[str, list[str]] = {}
    for record in records:
        for sentence in column_sentences(record):
            columns.setdefault(sentence, []).append(_word(record["name"]))
    lines = [f"{_listed(names)}: {sentence}" for sentence, names in columns.items()]
    left = len(lines) - most
    return lines if left <= 0 else [*lines[:most], f"and {left} more: shrinkage data tells all"]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _word(text: object) -> str:
    return plain(text, 40)


def _quoted(pairs: Iterable[Sequence[Any]]) -> str:
    return _listed([f'"{_word(word)}"' for word, _ in pairs])


def _day(text: str) -> str:
    """Return a time without what is midnight everywhere and without parts of seconds."""
    return text.split(".")[0].removesuffix("T00:00:00")


def _missing(record: Record) -> str:
    words = [pair for pair in record.get("missing_words", ()) if pair[0]]
    return f"{_quoted(words)} taken for missing" if words else ""


def _levels(record: Record) -> str:
    words = record.get("level_words", ())
    return f"{_quoted(words)} taken for a level (missing = [...] says otherwise)" if words else ""


_DECIMALS = {",": "decimal commas", ".": ""}
_THOUSANDS = {",": "commas", ".": "points", "'": "apostrophes", " ": "blanks", "_": "underscores"}


def _marks(record: Record) -> str:
    rule = record["rule"]
    thousands = rule.get("thousands", "")
    parts = [
        _DECIMALS[rule.get("decimal", ".")],
        f"{_THOUSANDS[thousands]} between thousands" if thousands else "",
    ]
    return ", ".join(part for part in parts if part)


def _units(record: Record) -> str:
    units = record["rule"].get("units", ())
    if "%" in units:
        return "per cent, read as shares: 12% is 0.12"
    if ":" in units:
        return "times and durations, read in the unit before the first colon: 12:30 is 12.5"
    return f"numbers in {' '.join(map(_word, units))}" if units else ""


def _magnitudes(record: Record) -> str:
    return "k, M and B multiply" if record["rule"].get("magnitudes") else ""


def _merged(record: Record) -> str:
    merged = record.get("merged", ())
    pairs = [
        f'"{_word(text)}" is "{_word(level)}"'
        for text, level in merged
        if text.strip() != level and _word(text) != _word(level)  # blanks look alike when printed
    ]
    return f"spellings made one: {_listed(pairs)}" if pairs else ""


def _dates(record: Record) -> str:
    if record["rule"]["kind"] != "date" or not record.get("examples"):
        return ""
    example = record["examples"][0].removesuffix(".000000").removesuffix("T00:00:00")
    return f"dates, written as {_word(example)}"


def _dropped(record: Record) -> str:
    dropped = record.get("dropped")
    return f"no input: {plain(dropped, 80)}" if dropped else ""


def _mostly_missing(record: Record) -> str:
    rows = record.get("rows", 0)
    return "more than half of the cells missing" if record.get("missing", 0) > rows / 2 else ""


def _rare(record: Record) -> str:
    rare = record.get("rare", 0)
    return f"{rare} rare levels share one input (rare = 1 says otherwise)" if rare else ""


_ENCODED = {
    "target": "levels encoded by the mean target of their training rows",
    "hash": "levels hashed into a fixed number of inputs",
}


def _encoded(record: Record) -> str:
    return _ENCODED.get(record.get("encode", ""), "")


def _indicator(record: Record) -> str:
    return "one more input says where cells are missing" if record.get("indicator") else ""


_SENTENCES: tuple[Callable[[Record], str], ...] = (
    _marks, _units, _magnitudes, _dates, _missing, _mostly_missing, _levels, _merged, _dropped,
    _rare, _encoded, _indicator,
)  # fmt: skip
"""What may be told of a column; an empty text where there is nothing to tell."""
