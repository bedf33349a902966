"""Numbers as people write them: marks, currencies, units, brackets, read by one grammar.

Who uses this: the judgement of columns and every later reading by a `CellRule`. A text is cut into
sign, unit, digits with marks, exponent and unit again; what the marks mean is the rule's to say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from shrinkage.datasets.cell_rules import CellRule

PER_CENT = {"%": 100.0, "‰": 1000.0}
"""Signs of shares, and what one is divided by: 12% is 0.12."""

MAGNITUDES = {"k": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "b": 1e9, "bn": 1e9, "t": 1e12}
"""What letters behind a number multiply it by, in small letters."""

_MEASURES = """mg g kg t lb oz stone mm cm m km in inch ft foot feet yd mi mile ms s sec second min
    minute h hr hour d day w wk week mo mon month y yr year ml cl l liter litre gal gallon b kb mb
    gb tb °c °f k kw mw v a hz khz mhz ghz pa hpa kpa bar psi j kj kcal cal"""
MEASURES = frozenset(_MEASURES.split())
"""Units of measures, as `unit_key` writes them: two of them in one column are no one number."""

_CODES = (
    "US$|AU$|NZ$|HK$|CA$|R$|A$|C$|S$|USD|EUR|GBP|CHF|JPY|CNY|RMB|INR|AUD|CAD|NZD|SGD|HKD|SEK|NOK|"
    "DKK|PLN|CZK|HUF|RON|TRY|RUB|BRL|MXN|ZAR|KRW|THB|ILS|AED|SAR|Rs.|Rs|kr.|kr|SFr.|Fr.|zł|Kč|Ft|TL"
)
_SIGNS = "$\u00a2-\u00a5\u058f\u060b\u09f2\u09f3\u0e3f\u17db\u20a0-\u20c0"
_CURRENCY = "(?:" + "|".join(map(re.escape, _CODES.split("|"))) + f"|[{_SIGNS}])"
_UNIT = r"""(?:[%‰+]|(?:[°µ"'/]\s?)?[^\W\d_](?:[\w/%.·*^° -]{0,24}[\w%.°])?\+?)"""
_NUMBER = re.compile(
    rf"""(?P<open>\()?\s*(?P<sign>[+-])?\s*(?P<before>{_CURRENCY})?\s*(?P<second>[+-])?\s*
    (?P<digits>\d(?:[\d.,'_ ]*\d)?[.,]?|[.,]\d+)(?P<exponent>[eE][+-]?\d+)?
    \s*(?P<behind>{_CURRENCY}|{_UNIT})?\s*(?P<last>-)?\s*(?P<close>\))?""",
    re.VERBOSE,
)
CLOCK = ":"
"""The unit of times of day and durations: 12:30 and 12:30:00 are 12.5, 1 day 12:30 is 36.5."""

_CLOCK = re.compile(
    r"(?:(?P<days>-?\d{1,7}) days?,? \+?)?"
    r"(?P<first>\d{1,3}):(?P<second>[0-5]\d)(?::(?P<third>[0-5]\d(?:\.\d+)?))?"
    r"(?:\s?(?P<half>[AaPp])\.?[Mm]\.?)?"
)
_ISO_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?"
)
_YEAR = re.compile(r"[^\W\d]\.? 9999$")
"""In a text of nines, a word and a year behind a number: 1. März 2021 is a date, and no amount."""

_NO_CENTS = re.compile(r"(?<=\d)[.,]-{1,2}(?=\D*$)")
_ODD_MARKS = str.maketrans({"\u066b": ".", "\u066c": ",", "´": "'", "`": "'"})
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"))
_MINUS = dict.fromkeys(map(ord, "−‐‑‒–﹣－"), "-")
_QUOTES = dict.fromkeys(map(ord, "’‘ʼ′"), "'")


class NumberText(NamedTuple):
    """The parts of one number as it was written.

    Attributes:
        negative: whether a sign, a minus behind it or brackets make it negative.
        digits: digits and marks.
        exponent: `e5` or nothing.
        before: the currency before it, or nothing.
        behind: the unit or currency behind it, or nothing.
        marks: the digits as nines, a leading zero as 0: all that decides what the marks mean.
    """

    negative: bool
    digits: str
    exponent: str
    before: str
    behind: str
    marks: str


class _Shape(NamedTuple):
    """Where the parts lie in all texts that differ by their digits alone."""

    negative: bool
    digits: slice
    exponent: slice
    before: str
    behind: str
    unit: slice | None
    marks: str


def plain_digits(text: str) -> str:
    """Return the text with full-width digits, odd blanks, minus signs and apostrophes made plain.

    >>> plain_digits("−１\\u202f２３４")
    '-1 234'
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text.translate(_ODD_MARKS))
    text = text.translate(_MINUS | _QUOTES | _UNSEEN)
    if text.isascii() or not any(letter.isdecimal() and letter > "9" for letter in text):
        return text
    return "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in text
    )


def number_text(text: str) -> NumberText | None:
    """Cut a text into the parts of a number, or return None where it is none.

    >>> number_text("($1,234.50)")[:5]
    (True, '1,234.50', '', '$', '')
    >>> number_text("34 y").behind, number_text("5.-").digits, number_text("Q1")
    ('y', '5', None)
    """
    text = plain_digits(text).strip()
    if ":" in text:
        clock = _CLOCK.fullmatch(text)
        return None if clock is None else _clock_time(clock)
    if text.startswith("P") and (duration := _ISO_DURATION.fullmatch(text)):
        return _hours(duration)
    shape = _shape(text.translate(_NINES))
    if shape is None:
        return None
    digits = text[shape.digits]
    return NumberText(
        shape.negative,
        digits,
        text[shape.exponent],
        shape.before,
        shape.behind if shape.unit is None else text[shape.unit].strip(),
        "0" + shape.marks[1:] if digits[0] == "0" else shape.marks,
    )


_NINES = str.maketrans("012345678", "999999999")


@lru_cache(maxsize=1 << 14)
def _shape(nines: str) -> _Shape | None:
    """Return where the parts of a number lie in a text whose digits are nines; None: no number."""
    match = _NUMBER.fullmatch(_NO_CENTS.sub("", nines))
    if match is None or (match["open"] is None) != (match["close"] is None):
        return None
    if _YEAR.search(match["behind"] or ""):
        return None
    signs = [match[name] for name in ("sign", "second", "last") if match[name]]
    if len(signs) + (match["open"] is not None) > 1:
        return None
    behind = (match["behind"] or "").strip()
    return _Shape(
        negative=signs == ["-"] or match["open"] is not None,
        digits=slice(*match.span("digits")),
        exponent=slice(*match.span("exponent")) if match["exponent"] else slice(0, 0),
        before=match["before"] or "",
        behind=behind,
        unit=slice(*match.span("behind")) if "9" in behind else None,
        marks=match["digits"],
    )


def _clock_time(match: re.Match[str]) -> NumberText:
    """Return a time or duration in the unit of its first part: hours, or minutes of `mm:ss`."""
    value = int(match["first"]) + int(match["second"]) / 60 + float(match["third"] or 0) / 3600
    value += 24 * int(match["days"] or 0)
    if match["half"]:
        value = value % 12 + 12 * (match["half"] in "Pp")
    digits = f"{abs(value):.10f}"
    return NumberText(value < 0, digits, "", "", CLOCK, digits)


def _hours(match: re.Match[str]) -> NumberText:
    """Return a duration of ISO 8601 in hours."""
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    digits = f"{24 * days + hours + minutes / 60 + seconds / 3600:.10f}"
    return NumberText(False, digits, "", "", "h", digits)


@cache
def marks_fit(marks: str, decimal: str, thousands: str) -> bool:
    """Return whether digits, or their `marks`, are a number under two marks.

    >>> marks_fit("9.999,9", ",", "."), marks_fit("0.999", ",", ".")
    (True, False)
    """
    return marks_pattern(decimal, thousands).fullmatch(marks) is not None


@cache
def marks_pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    """Return what digits look like under two marks; groups of two are India's.

    >>> bool(marks_pattern(".", ",").fullmatch("12,34,567.8")), bool(
    ...     marks_pattern(",", ".").fullmatch("0.123")
    ... )
    (True, False)
    """
    point, mark = re.escape(decimal), re.escape(thousands)
    whole = r"\d+"
    if thousands:
        whole += rf"|[1-9]\d{{0,2}}(?:{mark}\d{{3}})+|[1-9]\d?(?:{mark}\d{{2}})+{mark}\d{{3}}"
    return re.compile(rf"(?:{whole})(?:{point}\d*)?|{point}\d+")


_SHORT = {
    **dict.fromkeys(("year", "yr"), "y"),
    **dict.fromkeys(("month", "mon"), "mo"),
    **dict.fromkeys(("week", "wk"), "w"),
    **dict.fromkeys(("day",), "d"),
    **dict.fromkeys(("hour", "hr"), "h"),
    **dict.fromkeys(("minute",), "min"),
    **dict.fromkeys(("second", "sec"), "s"),
}
"""Long names of units of time."""


@cache
def unit_key(unit: str) -> str:
    """Return what is the same for one unit, however it is spelled.

    Longer ones in small letters, without the s of a plural and a point behind.

    >>> unit_key("Years") == unit_key("y"), unit_key("M") == unit_key("m")
    (True, False)
    """
    key = " ".join(unit.split()).rstrip(".")
    if len(key) < 2:
        return key
    key = key.casefold()
    key = key[:-1] if len(key) > 2 and key.endswith("s") else key
    return _SHORT.get(key, key)


def is_measured(parts: NumberText) -> bool:
    """Return whether a number is bare, money, a share or a measure: nothing but an amount.

    >>> is_measured(number_text("5 kg")), is_measured(number_text("12b Main Street"))
    (True, False)
    """
    key = unit_key(parts.behind)
    money = parts.behind == "" or re.fullmatch(_CURRENCY, parts.behind)
    return bool(money) or key.casefold() in MEASURES or parts.behind in PER_CENT


class NumberReader:
    """Reads the parts of numbers by a rule.

    >>> from shrinkage.datasets.column_specs import ColumnKind
    >>> read = NumberReader(CellRule(ColumnKind.NUMERIC, None, ",", "."))
    >>> read(number_text("1.234,5")), read(number_text("1.5"))
    (1234.5, nan)
    """

    def __init__(self, rule: CellRule) -> None:
        self._rule = rule
        self._units = {unit_key(unit) for unit in rule.units}
        self._shares = bool(PER_CENT.keys() & set(rule.units))
        self._factors: dict[tuple[str, str], float] = {}

    def __call__(self, parts: NumberText) -> float:
        """Return the number that the parts spell, NaN where they spell none."""
        rule = self._rule
        if not marks_fit(parts.marks, rule.decimal, rule.thousands):
            return np.nan
        units = (parts.before, parts.behind)
        if units not in self._factors:
            self._factors[units] = self._factor(*units)
        digits = parts.digits.replace(rule.thousands, "") if rule.thousands else parts.digits
        value = float(digits.replace(rule.decimal, ".") + parts.exponent)
        if self._shares and parts.behind not in PER_CENT and value != 0:
            return np.nan  # 12 and 0.12 could both be meant
        value /= PER_CENT.get(parts.behind, 1.0)
        return (-value if parts.negative else value) * self._factors[units]

    def _factor(self, before: str, behind: str) -> float:
        """Return what a number with these units is multiplied by, NaN where they do not belong."""
        factor = 1.0
        if self._rule.magnitudes and behind.casefold() in MAGNITUDES:
            factor, behind = MAGNITUDES[behind.casefold()], ""
        known = all(not unit or unit_key(unit) in self._units for unit in (before, behind))
        return factor if known else np.nan


_INFINITE = {
    f"{sign}{word}": float(f"{sign}inf") for sign in ("", "+", "-") for word in ("inf", "infinity")
}


def numbers_of(
    texts: Sequence[str], parts: Iterable[NumberText | None], rule: CellRule
) -> np.ndarray:
    """Return the numbers of texts that are cut into parts; `inf` is one, so that it is refused."""
    read = NumberReader(rule)
    numbers = (
        _INFINITE.get(text.lower(), np.nan) if part is None else read(part)
        for text, part in zip(texts, parts, strict=True)
    )
    return np.fromiter(numbers, dtype=np.float64, count=len(texts))


def read_numbers(texts: Sequence[str], rule: CellRule) -> np.ndarray:
    """Return the numbers that texts spell under a rule, float64, NaN where they spell none.

    >>> from shrinkage.datasets.column_specs import ColumnKind
    >>> read_numbers(["12%", "x"], CellRule(ColumnKind.NUMERIC, units=("%",))).tolist()
    [0.12, nan]
    """
    return numbers_of(texts, map(number_text, texts), rule)
