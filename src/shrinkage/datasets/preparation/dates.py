"""Dates and times: how long after the first, and where in the year, the week and the day.

Elapsed days since the first fit row, standardized; the month and the time of day as points on a
circle, so that December is next to January and 23:59 to 0:00; a weekday as one input each, as
weekends are like no other day. Only parts that vary on the fit rows become inputs. A missing date
has the median of the elapsed time and zeros in all other parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.preparation.base import (
    CONSTANT,
    MISSING_EVERYWHERE,
    ColumnEncoder,
    DroppedColumn,
    FitTarget,
)
from shrinkage.datasets.preparation.cell_counts import CellCounts
from shrinkage.datasets.preparation.row_cells import RowCells
from shrinkage.datasets.preparation.standard import Standard, learn

ELAPSED = "days"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SECONDS_A_DAY = 86_400

Part = Callable[[pd.DatetimeIndex], np.ndarray]


def _month_angle(dates: pd.DatetimeIndex) -> np.ndarray:
    return 2 * np.pi * (np.asarray(dates.month, dtype=np.float64) - 1) / 12


def _day_angle(dates: pd.DatetimeIndex) -> np.ndarray:
    return 2 * np.pi * _days(dates - dates.normalize())


def _days(times: Any) -> np.ndarray:
    """Return lengths of time in days, NaN where missing."""
    return np.asarray(times.total_seconds(), dtype=np.float64) / SECONDS_A_DAY


def _weekday(number: int) -> Part:
    return lambda dates: np.asarray(dates.day_of_week == number, dtype=np.float64)


PARTS: Mapping[str, Part] = MappingProxyType(
    {
        "month, sine": lambda dates: np.sin(_month_angle(dates)),
        "month, cosine": lambda dates: np.cos(_month_angle(dates)),
        **{name: _weekday(number) for number, name in enumerate(WEEKDAYS)},
        "time of day, sine": lambda dates: np.sin(_day_angle(dates)),
        "time of day, cosine": lambda dates: np.cos(_day_angle(dates)),
    }
)
"""What a date has beside the elapsed time, in the order of the inputs."""


@dataclass(frozen=True)
class DateInputs(ColumnEncoder):
    """The parts of one column of dates; those that are not `active` are always 0.

    >>> DateInputs("sold", "2024-03-01T00:00:00", ("days",), (True,), 3.0, 3.0, 2.0).input_names
    ('sold (days)',)
    """

    kind: ClassVar[str] = "date"

    name: str
    first: str
    parts: tuple[str, ...]
    active: tuple[bool, ...]
    median: float = 0.0
    mean: float = 0.0
    scale: float = 0.0

    @classmethod
    def fit(
        cls, columns: InputColumns, rows: np.ndarray, target: FitTarget | None
    ) -> tuple[tuple[Self, ...], tuple[DroppedColumn, ...]]:
        """Learn the first date, the parts that vary, and the numbers of the elapsed time."""
        del target
        encoders, dropped = [], []
        for name in columns.of_kind(ColumnKind.DATE):
            dates = columns.dates(rows, name)
            present = pd.DatetimeIndex(dates[~np.isnat(dates)])
            if not len(present):
                dropped.append((name, MISSING_EVERYWHERE))
                continue
            first = pd.Timestamp(present.to_numpy().min())
            elapsed = _elapsed(dates, first.isoformat())
            ((reason, own),) = learn(elapsed.reshape(-1, 1), [name])
            if reason:
                dropped.append((name, CONSTANT))
                continue
            parts = (ELAPSED, *_varying(present))
            active = (True,) * len(parts)
            encoders.append(
                cls(name, first.isoformat(), parts, active, own.median, own.mean, own.scale)
            )
        return tuple(encoders), tuple(dropped)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Return `column (part)` for each."""
        return tuple(f"{self.name} ({part})" for part in self.parts)

    def fill(self, cells: RowCells, out: np.ndarray) -> None:
        """Write the parts into `out` (n, parts)."""
        dates = cells.dates(self.name)
        absent, index = np.isnat(dates), pd.DatetimeIndex(dates)
        standard = Standard(self.median, self.mean, self.scale)
        out[:] = 0
        for place, part in enumerate(self.parts):
            if not self.active[place]:
                continue
            if part == ELAPSED:
                out[:, place] = standard.apply(_elapsed(dates, self.first))
            else:
                out[:, place] = np.where(absent, 0.0, PARTS[part](index))

    def learned_by(self, narrower: Self | None) -> Self:
        """Return these parts with other numbers; those that did not vary there are not active."""
        if narrower is None:
            return replace(self, active=(False,) * len(self.parts), median=0.0, mean=0.0, scale=0.0)
        return replace(
            narrower,
            parts=self.parts,
            active=tuple(part in narrower.parts for part in self.parts),
        )

    def examine(self, cells: RowCells) -> tuple[CellCounts, ...]:
        """Return the missing cells."""
        dates = cells.dates(self.name)
        return (CellCounts(self.name, len(cells), missing=int(np.isnat(dates).sum())),)


def _elapsed(dates: np.ndarray, first: str) -> np.ndarray:
    """Return days since the first date, NaN where missing."""
    return _days(pd.DatetimeIndex(dates) - np.datetime64(first))


def _varying(present: pd.DatetimeIndex) -> tuple[str, ...]:
    """Return the parts that take more than one value."""
    if (present.month == present.month[0]).all():
        months: tuple[str, ...] = ()
    else:
        months = ("month, sine", "month, cosine")
    seen = sorted(set(present.day_of_week.tolist()))
    days = tuple(WEEKDAYS[number] for number in seen) if len(seen) > 1 else ()
    times = present - present.normalize()
    hours = () if (times == times[0]).all() else ("time of day, sine", "time of day, cosine")
    return (*months, *days, *hours)
