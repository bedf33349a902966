"""Times as seconds or milliseconds since 1970, which are taken for numbers.

The name has to speak for time, too: numbers alone may be telephones or identifiers.
"""

from __future__ import annotations

import re

import numpy as np

from shrinkage.cautions import Caution, CautionKind
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.input_columns import InputColumns

FEWEST_ROWS = 10
_FIRST, _LAST = 946_684_800, 2_082_758_400
"""The years 2000 and 2036 in seconds."""

_NAMES = re.compile(
    r"(?:^|[^a-z])(?:ts|t|time|timestamp|datetime|date|epoch|unix\w*|created|updated|at|utc|when)"
    r"(?:[^a-z]|$)"
)


def epochs(columns: InputColumns, rows: np.ndarray) -> tuple[Caution, ...]:
    """Say which columns of numbers look like times since 1970.

    Args:
        columns: the columns.
        rows: the rows to look at.
    """
    if isinstance(columns.values, np.ndarray) or len(rows) < FEWEST_ROWS:
        return ()
    said = []
    for name in columns.of_kind(ColumnKind.NUMERIC):
        unit = unit_of_times(columns.numbers(rows, [name])[:, 0]) if _is_called_time(name) else None
        if unit is not None:
            seconds = columns.numbers(rows, [name])[:, 0] / unit
            days = [
                str(np.datetime64(int(end), "s").astype("datetime64[D]"))
                for end in (np.nanmin(seconds), np.nanmax(seconds))
            ]
            facts = {"column": name, "unit": _UNITS[unit], "least": days[0], "most": days[1]}
            said.append(Caution(CautionKind.EPOCH, facts))
    return tuple(said)


_UNITS = {1: "seconds", 1000: "milliseconds"}


def unit_of_times(numbers: np.ndarray) -> int | None:
    """Return how many units of time since 1970 a second has, None where numbers are no such times.

    >>> unit_of_times(np.array([1.7e9, 1.7e9 + 60])), unit_of_times(np.array([1.7e12, 1.8e12]))
    (1, 1000)
    >>> unit_of_times(np.array([5.0, 1.7e9])) is None
    True
    """
    known = numbers[~np.isnan(numbers)]
    if len(known) < 2 or known.min() == known.max():
        return None
    ends = known.min(), known.max()
    return next((u for u in _UNITS if _FIRST * u <= ends[0] and ends[1] <= _LAST * u), None)


def _is_called_time(name: str) -> bool:
    """Return whether a name speaks of time.

    >>> _is_called_time("created_at"), _is_called_time("eventTime"), _is_called_time("state")
    (True, True, False)
    """
    return _NAMES.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()) is not None
