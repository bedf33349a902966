"""Dates and times as people write them: one format for a column, day or month first.

Who uses this: the judgement of columns, and every later reading by a `CellRule`. pandas guesses a
format from single cells and reads the column; what is here tries the guesses on the whole column.
Source: https://pandas.pydata.org/docs/reference/api/pandas.to_datetime.html
"""

from __future__ import annotations

import datetime
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd
from pandas.tseries.api import guess_datetime_format

from shrinkage.datasets.column_readings import ColumnDoubt

ISO = "ISO8601"
"""The format that stands for every form of ISO 8601."""

MIXED = "mixed"
"""The format that stands for dates with names of months, each read by itself."""

PERIODS = "periods"
"""The format that stands for first days of quarters and weeks: `2001Q2`, `Q2 2001`, `2001-W05`."""

_SHAPES = 4
"""So many shapes of cells, the commonest, are shown to the guess."""

_TRIED = 3
"""So many cells of a shape are shown to the guess."""

_LOOKED_AT = 500
"""So many different cells suggest formats, which are then tried on all."""

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_PERIOD = (
    r"(?P<year>\d{4})[-/.\s]?(?:Q(?P<quarter>[1-4])|W(?P<week>\d{1,2}))"
    r"|Q(?P<quarter_first>[1-4])[-/.\s]?(?P<year_behind>\d{4})"
)
_LIKELY = re.compile(
    r"""\d{1,4}\s*[-/.]\s*\d{1,2}\s*[-/.]\s*\d{1,4}(?:\D.*)?   # 2024-03-01, 1.3.24 12:30
      | \d{4}[-/]\d{1,2} | \d{1,2}[-/]\d{4}                    # 2024-03, 03/2024
      | \d{8}T\d{4,6}Z?                                       # 20240301T123000
      | (?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])  # 20240301
      | (?:DAY[a-z]*\.?,?\s+)?(?:\d{1,2}\.?[-/\s]\s*)?MONTH[a-z]*\.?[-/,\s]+
        (?:\d{1,2},?\s+)?(?:\d{4}|\d{2})(?:\D.*)?              # 1 Mar 2024, March 1, 2024, Dec-2011
      | \d{1,2}[-/\s]MONTH[a-z]*                              # 10-Aug, a day without its year
      | PERIOD
    """.replace("MONTH", f"(?:{_MONTHS})")
    .replace("DAY", "(?:mon|tue|wed|thu|fri|sat|sun)")
    .replace("PERIOD", _PERIOD),
    re.VERBOSE | re.IGNORECASE,
)
_FURTHER = (
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y", "%d-%b-%y", "%d %b %y",
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%b-%Y", "%b %Y", "%B %Y",
    "%B-%Y", "%b-%y", "%Y/%m", "%m/%Y", "%m-%Y", "%d/%b/%Y", "%d. %B %Y", "%d. %b %Y",
)  # fmt: skip
"""Formats that pandas does not guess."""

_FIRST_YEAR = np.datetime64("1000-01-01", "us")
_CENTURY = np.datetime64("2050-01-01", "us")
"""Beyond it, years of two digits may be of the last century: how they were taken is told."""

_OFFSET = re.compile(r".*\d:\d{2}\D?.*[+-](?!00(?::?00)?$)\d{2}(?::?\d{2})?")
"""A time with the offset of its zone that is not 0."""

_CLOCKS = (
    "", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S %z", ":%H:%M:%S %z",
)  # fmt: skip


@dataclass(frozen=True)
class DateForm:
    """How a column's dates are read.

    Args:
        date_format: as in `datetime.strptime`, or `ISO8601`.
        values: datetime64 in microseconds for each distinct text, NaT where it is no date.
        doubts: whether day or month comes first, where every cell reads both ways.
        day_first: what the column proves; None: nothing.
    """

    date_format: str
    values: np.ndarray
    doubts: tuple[ColumnDoubt, ...] = ()
    day_first: bool | None = None

    @property
    def is_open(self) -> bool:
        """Return whether what the rest of the file says may change the reading."""
        return ColumnDoubt.DAY_FIRST in self.doubts or ColumnDoubt.MONTH_FIRST in self.doubts


def read_dates(texts: Sequence[str], date_format: str) -> np.ndarray:
    """Return dates as datetime64 in microseconds of universal time, NaT where a text is none.

    >>> read_dates(["1.3.2024", "x"], "%d.%m.%Y").astype("datetime64[D]").tolist()
    [datetime.date(2024, 3, 1), None]
    """
    if date_format == PERIODS:
        return np.array([_first_day(text) for text in texts], dtype="datetime64[us]")
    cells = pd.Series(list(texts), dtype=object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of zones that pandas does not know
        dates = pd.to_datetime(cells, format=date_format or ISO, errors="coerce", utc=True)
    values = plain_dates(dates)
    if date_format == MIXED:  # a day of a month without a year is no date
        values[values < _FIRST_YEAR] = np.datetime64("NaT", "us")
    return values


def _first_day(text: str) -> np.datetime64:
    """Return the first day of a quarter or a week, NaT where a text is neither.

    >>> _first_day("Q2 2001"), _first_day("2001-W05")
    (np.datetime64('2001-04-01'), np.datetime64('2001-01-29'))
    """
    part = re.fullmatch(_PERIOD, text.strip(), re.IGNORECASE)
    if part is None:
        return np.datetime64("NaT")
    year, quarter = part["year"] or part["year_behind"], part["quarter"] or part["quarter_first"]
    if quarter is not None:
        return np.datetime64(f"{year}-{3 * int(quarter) - 2:02}-01")
    try:
        return np.datetime64(datetime.date.fromisocalendar(int(year), int(part["week"]), 1))
    except ValueError:  # there is no such week
        return np.datetime64("NaT")


def dates_of(texts: Sequence[str], date_format: str) -> np.ndarray:
    """Return dates as `read_dates` does, those of ISO form too, whatever the format is.

    >>> dates_of(["2024-03-01"], "%d.%m.%Y").astype("datetime64[D]").tolist()
    [datetime.date(2024, 3, 1)]
    """
    dates = read_dates(texts, date_format)
    lost = np.isnat(dates)
    if lost.any() and date_format not in ("", ISO):
        dates[lost] = read_dates([text for text, no in zip(texts, lost, strict=True) if no], ISO)
    return dates


def plain_dates(dates: pd.Series) -> np.ndarray:
    """Return dates with or without a zone as datetime64 in microseconds of universal time.

    >>> plain_dates(pd.Series(pd.to_datetime(["2024-03-01T01:00+01:00"]))).tolist()
    [datetime.datetime(2024, 3, 1, 0, 0)]
    """
    if dates.dt.tz is not None:
        dates = dates.dt.tz_convert("UTC").dt.tz_localize(None)
    return dates.to_numpy("datetime64[us]", copy=True)


def date_form(
    texts: Sequence[str], counts: np.ndarray, day_first_hint: bool | None = None
) -> DateForm | None:
    """Return how a column's dates are read, or None where no format reads most cells.

    Args:
        texts: the distinct cells, (d,), without those that mean missing.
        counts: how often each occurs, (d,).
        day_first_hint: whether the rest of the file writes the day first; None: it does not say.

    >>> date_form(["13/02/2024", "01/02/2024"], np.array([1, 1])).date_format
    '%d/%m/%Y'
    """
    shown = texts[:: max(1, len(texts) // _LOOKED_AT)]
    likely = [text for text in shown if _LIKELY.fullmatch(text)]
    if not texts or 2 * len(likely) < len(shown):
        return None
    best: dict[str, np.ndarray] = {}
    most = 0
    for form in _fitting(_formats(likely), shown):
        values = read_dates(texts, form)
        fit = int(counts[~np.isnat(values)].sum())
        if fit > most:
            best, most = {}, fit
        if fit == most and fit:
            best[form] = values
    return _told(_chosen(best, day_first_hint), texts) if best else None


def _told(form: DateForm, texts: Sequence[str]) -> DateForm:
    """Tell how years of two digits were taken, where some lie far ahead, and offsets of zones."""
    doubts = list(form.doubts)
    dates = form.values[~np.isnat(form.values)]
    if "%y" in form.date_format and (dates >= _CENTURY).any():
        doubts.append(ColumnDoubt.SHORT_YEARS)
    if any(_OFFSET.fullmatch(text.strip()) for text in texts):
        doubts.append(ColumnDoubt.UNIVERSAL_TIME)
    return replace(form, doubts=tuple(doubts))


def are_likely(texts: Sequence[str], counts: np.ndarray) -> bool:
    """Return whether nearly all cells look like dates of some form.

    >>> are_likely(["2024-03-01", "1/2/2024"], np.array([1, 1]))
    True
    """
    likely = sum(n for text, n in zip(texts, counts, strict=True) if _LIKELY.fullmatch(text))
    return bool(likely >= 0.9 * counts.sum())


def _fitting(forms: Sequence[str], shown: Sequence[str]) -> list[str]:
    """Return the formats that read most of the cells shown."""
    fits = {form: int((~np.isnat(read_dates(shown, form))).sum()) for form in forms}
    return [form for form, fit in fits.items() if fit and fit == max(fits.values())]


def _formats(likely: Sequence[str]) -> list[str]:
    """Return the formats that some cells suggest, ISO before the others."""
    by_shape: dict[str, list[str]] = {}
    for text in likely:
        by_shape.setdefault(_shape(text), []).append(text)
    shapes = sorted(by_shape, key=lambda shape: -len(by_shape[shape]))[:_SHAPES]
    tried = [text for shape in shapes for text in by_shape[shape][:_TRIED]]
    if any(re.fullmatch(_PERIOD, text, re.IGNORECASE) for text in tried):
        return [PERIODS]
    forms = dict.fromkeys([ISO] if any(re.match(r"\d{4}-?\d{2}", text) for text in tried) else [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for text in tried:
            for day_first in (False, True):
                form = guess_datetime_format(text, dayfirst=day_first)
                if form and not form.startswith("%Y-%d"):
                    forms[form] = None
    known = _known_formats()
    forms.update(dict.fromkeys(form for shape in shapes for form in known.get(shape, ())))
    if any(re.search(_MONTHS, text, re.IGNORECASE) for text in tried):
        forms[MIXED] = None  # short and long names of months in one column
    return list(forms)


def _shape(text: str) -> str:
    """Return a text with every number as 0 and every word as a.

    >>> _shape("1 Mar 2024"), _shape("13.2.24")
    ('0 a 0', '0.0.0')
    """
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", text))


@cache
def _known_formats() -> dict[str, tuple[str, ...]]:
    """Return the formats that pandas does not guess, by the shape of their texts."""
    here = datetime.datetime(2023, 11, 25, 13, 45, 56, tzinfo=datetime.UTC)
    west = here.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-5)))
    shapes: dict[str, tuple[str, ...]] = {}
    for base in _FURTHER:
        for clock in _CLOCKS:
            for shape in {_shape(moment.strftime(base + clock)) for moment in (here, west)}:
                shapes[shape] = (*shapes.get(shape, ()), base + clock)
    return shapes


def _chosen(best: dict[str, np.ndarray], hint: bool | None) -> DateForm:
    """Choose among formats that read equally many cells."""
    days = [form for form in best if form.startswith("%d")]
    months = [form for form in best if form.startswith("%m")]
    if not days or not months or ISO in best:
        form = next(iter(best))
        proof = True if form.startswith("%d") else False if form.startswith("%m") else None
        return DateForm(form, best[form], day_first=proof)
    day, month = days[0], months[0]
    if np.array_equal(best[day], best[month], equal_nan=True):
        return DateForm(day, best[day])
    if "%d.%m" in day:  # points are written where the day comes first
        return DateForm(day, best[day], day_first=True)
    day_first = ("-" in day) if hint is None else hint
    form = day if day_first else month
    doubt = ColumnDoubt.DAY_FIRST if day_first else ColumnDoubt.MONTH_FIRST
    return DateForm(form, best[form], (doubt,))
