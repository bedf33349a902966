"""Columns that cannot be inputs as they are: told all at once, with the option that drops them.

Who uses this: whatever makes inputs of a table. A person who is told of one column after the other
has to run a command as often as there are such columns.
"""

from __future__ import annotations

import csv
import io
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from shrinkage.datasets.column_readings import ColumnReading, ColumnRole
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.judging.number_forms import fits_some_marks
from shrinkage.datasets.roles import COUNTED
from shrinkage.datasets.wording import listed, one_line
from shrinkage.errors import InputError

ALWAYS_ALLOWED = 10
"""So many levels are fine however few rows there are."""

MOST_NAMED = 12
"""So many columns are described; of all others there is the name."""

_SHOWN_OF_CELL = 40
"""How many characters of a cell stand in an error."""

_KEEP = 'keep their words with encode = "hash" or kind = "category" in columns.toml (--columns)'

_LETTERS = 4
"""So many letters of units, or of a currency, stand beside the numbers of an amount."""

_DIGITS = re.compile(r"\d(?:[\d.,'_]*\d)?")
_WORD = re.compile(r"[^\W\d_]+")


def refuse_columns(readings: Iterable[ColumnReading], errors: Mapping[str, str]) -> None:
    """Raise for inputs that cannot be taken, all of them in one error.

    Args:
        readings: what was decided for each column that can be read.
        errors: what is wrong with those that cannot, by name.

    Raises:
        InputError: says what each holds, and how to leave all of them out.

    >>> from shrinkage.datasets.columns import judge_column
    >>> refuse_columns([judge_column("city", ["Bern", "Basel", "Bern"]).reading], {})
    """
    inputs = [reading for reading in readings if reading.role is ColumnRole.INPUT]
    words = [reading for reading in inputs if names_rows(reading)]
    errors = {name: text for name, text in errors.items() if text}
    if len(words) + len(errors) <= 1:
        for text in (*errors.values(), *map(identifier_text, words)):
            raise InputError(text)
        return
    names = (*errors, *(reading.name for reading in words))
    if not errors:
        raise InputError(f"{_several(words)}: drop them ({drop_option(names)}), or {_KEEP}")
    said = [*errors.values()][:MOST_NAMED]
    if words:
        said.append(f"{_several(words)}: drop them, or {_KEEP}")
    raise InputError(
        f"{'; '.join(said)}; what leaves all {len(names)} columns out is {drop_option(names)}"
    )


def _several(words: Sequence[ColumnReading]) -> str:
    described = ", ".join(f"{r.name!r} ({_holds(r, 1)}; {_guess(r)})" for r in words[:MOST_NAMED])
    more = f" and {len(words) - MOST_NAMED} more" if words[MOST_NAMED:] else ""
    noun = "a column" if len(words) == 1 else f"{len(words)} columns"
    return (
        "expected numbers, dates or categories that several rows share, got "
        f"{noun} of words that nearly all differ: {described}{more}"
    )


def names_rows(reading: ColumnReading) -> bool:
    """Return whether a column holds words nearly all of which differ, and nobody said its kind."""
    most = max(ALWAYS_ALLOWED, reading.rows / 2)
    return reading.kind is ColumnKind.CATEGORY and reading.levels > most and not reading.said


def identifier_text(reading: ColumnReading) -> str:
    """Return what is said of one column of words nearly all of which differ."""
    shown = f"{_holds(reading, 2)} ({_guess(reading)})"
    return (
        f"column {reading.name!r}: expected categories that several rows share, got {shown}: "
        'drop it (--drop, or drop = true in columns.toml), or keep its words with encode = "hash" '
        'or kind = "category" there'
    )


def _holds(reading: ColumnReading, examples: int) -> str:
    cells = listed(one_line(text, _SHOWN_OF_CELL) for text in reading.examples[:examples])
    return f"{reading.levels} different ones in {reading.rows} rows, such as {cells}"


def _guess(reading: ColumnReading) -> str:
    if are_counted(reading.examples):
        return f"a running number of each of a few? then --split-by {shlex.quote(reading.name)}"
    amounts = are_amounts(reading.examples)
    return "amounts? then write plain numbers" if amounts else "an identifier or free text?"


def drop_option(names: Sequence[str]) -> str:
    """Return the option of the command line that leaves columns out, quoted for a shell.

    >>> drop_option(["Name", "height, cm"])
    '--drop \\'Name,"height, cm"\\''
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return f"--drop {shlex.quote(line.getvalue())}"


def are_counted(texts: Sequence[str]) -> bool:
    """Return whether texts are one word with a running number behind each: `309_1`, `309_2`.

    >>> are_counted(["309_1", "309_2", "309_3"]), are_counted(["PC 17599", "PC 17758"])
    (True, False)
    """
    counted = [match for match in map(COUNTED.match, texts) if match]
    if len(texts) < 2 or len(counted) < len(texts) or len({match[1] for match in counted}) > 1:
        return False
    numbers = [int(match.string[match.end(1) + 1 :]) for match in counted]
    return numbers == list(range(numbers[0], numbers[0] + len(texts)))


def are_amounts(texts: Sequence[str]) -> bool:
    """Return whether texts are amounts that are written in no one way: numbers, and a few units.

    Codes have digits too. But the letters among their digits differ from cell to cell, and codes
    without letters have one width; amounts repeat their units, and their widths vary.

    >>> are_amounts(["5 ft 11", "6 ft 2", "~12 kg", "9 kg"]), are_amounts(["3f2a", "9b1d", "11aa"])
    (True, False)
    >>> are_amounts(["02139", "90210", "10001"]), are_amounts(["12 Years a Slave", "7 Samurai"])
    (False, False)
    """
    if not all(text.lstrip("<>~+-'$€£ ")[:1].isdigit() for text in texts):
        return False
    if not all(fits_some_marks(digits) for text in texts for digits in _DIGITS.findall(text)):
        return False
    words = [_WORD.findall(text) for text in texts]
    if not any(words):
        return len({len(text) for text in texts}) > 1
    units = [unit for own in words for unit in own]
    short = all(sum(map(len, own)) <= _LETTERS for own in words)
    return short and 2 * len(set(units)) <= len(units)
