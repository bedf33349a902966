"""The parts of dates in whole numbers of days, for graphs that know no calendar.

The month of a day number is that of the proleptic Gregorian calendar; years begin in March here, so
that the leap day is their last. Source: Richards 2013, Calendars, in Explanatory Supplement to the
Astronomical Almanac, and https://howardhinnant.github.io/date_algorithms.html (civil_from_days).
"""

from __future__ import annotations

import numpy as np
import torch

from shrinkage.datasets.preparation.dates import ELAPSED, SECONDS_A_DAY, WEEKDAYS, DateInputs

CYCLE = 146_097
"""Days of 400 years."""
TO_MARCH_OF_YEAR_0 = 719_468
"""Days from 1 March of the year 0 to 1 January 1970, a Thursday."""
THURSDAY = 3
MICROSECONDS = 1e6
NO_TIMES = (float(np.iinfo(np.int64).min), float(np.iinfo(np.int64).min) / MICROSECONDS)
"""What NumPy makes of a missing date as a number, of seconds or of microseconds."""

_WAVES = {
    "month, sine": (True, torch.sin),
    "month, cosine": (True, torch.cos),
    "time of day, sine": (False, torch.sin),
    "time of day, cosine": (False, torch.cos),
}
"""Whether it is of the month, and what is taken of the angle."""


def seconds_of(dates: np.ndarray | np.datetime64) -> np.ndarray:
    """Return the seconds of dates since the start of 1970, NaN where missing.

    >>> seconds_of(np.array(["1970-01-02", "NaT"], dtype="datetime64[D]")).tolist()
    [86400.0, nan]
    """
    microseconds = dates.astype("datetime64[us]").astype(np.float64)
    return np.where(np.isnat(dates), np.nan, microseconds / MICROSECONDS)


def date_part(encoder: DateInputs, place: int):
    """Return a function of cells (rows, columns) that gives the inputs of a date (rows, parts).

    Args:
        encoder: of the column.
        place: of the column among the cells, in seconds since the start of 1970, NaN where missing.
    """
    first = float(seconds_of(np.datetime64(encoder.first)))

    def inputs(x: torch.Tensor) -> torch.Tensor:
        seconds = x[:, place]
        lost = torch.isnan(seconds)
        present = torch.where(lost, 0.0, seconds)
        parts = [
            _elapsed(encoder, (seconds - first) / SECONDS_A_DAY)
            if name == ELAPSED
            else torch.where(lost, 0.0, _part(name, present))
            for name in encoder.parts
        ]
        return torch.stack(parts, dim=1) * torch.tensor(encoder.active, dtype=torch.float64)

    return inputs


def _elapsed(encoder: DateInputs, days: torch.Tensor) -> torch.Tensor:
    if not encoder.scale > 0:
        return torch.zeros_like(days)
    filled = torch.where(torch.isnan(days), encoder.median, days)
    return (filled - encoder.mean) / encoder.scale


def _part(name: str, seconds: torch.Tensor) -> torch.Tensor:
    days = torch.floor(seconds / SECONDS_A_DAY)
    if name in WEEKDAYS:
        since_monday = days + THURSDAY
        return (since_monday - 7 * torch.floor(since_monday / 7) == WEEKDAYS.index(name)).double()
    of_year, wave = _WAVES[name]
    turns = month_of(days) / 12 if of_year else seconds / SECONDS_A_DAY - days
    return wave((2 * torch.pi * turns).float()).double()  # not every runtime has sines of doubles


def month_of(days: torch.Tensor) -> torch.Tensor:
    """Return the month, 0 to 11, of days since the start of 1970.

    >>> month_of(torch.tensor([0.0, 31.0, -1.0, 58.0, 59.0, 11016.0, 11017.0])).tolist()
    [0.0, 1.0, 11.0, 1.0, 2.0, 1.0, 2.0]
    """
    since = days + TO_MARCH_OF_YEAR_0
    of_cycle = since - CYCLE * torch.floor(since / CYCLE)
    leaps = torch.floor(of_cycle / 1460) - torch.floor(of_cycle / 36_524)
    leaps = leaps + torch.floor(of_cycle / (CYCLE - 1))
    year = torch.floor((of_cycle - leaps) / 365)
    of_year = of_cycle - 365 * year - torch.floor(year / 4) + torch.floor(year / 100)
    from_march = torch.floor((5 * of_year + 2) / 153)
    return torch.where(from_march < 10, from_march + 2, from_march - 10)
