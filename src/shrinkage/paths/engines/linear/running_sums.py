"""Sums of exp(numbers) up to some rows, and their transpose, without overflow.

Who uses this: the loss of censored times, whose outputs at weak strengths may be a thousand apart.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_RANGE = 300.0
"""Logarithms of sums that are no further apart are summed up as one piece."""


class RunningSums:
    """exp(v) over the rows up to each of some ends.

    Args:
        logs: v, (rows,).
        ends: (ends,) the last rows of the sums, ascending.
    """

    def __init__(self, logs: np.ndarray, ends: np.ndarray) -> None:
        self.logs, self._ends = logs, ends
        self._up_to = np.logaddexp.accumulate(logs)
        self.totals = self._up_to[ends]

    def gathered(self, numbers: np.ndarray) -> np.ndarray:
        """Return Σ exp(v_j − total) numbers_j over the rows j up to each end, (…, ends).

        Args:
            numbers: (…, rows).
        """
        gathered = np.empty((*numbers.shape[:-1], len(self._ends)))
        carried, before = np.zeros(numbers.shape[:-1]), -np.inf
        for some, own in self._pieces():
            top = self._up_to[some.stop - 1]
            sums = numbers[..., some] * np.exp(self.logs[some] - top)
            sums[..., 0] += carried * np.exp(before - top)
            np.cumsum(sums, axis=-1, out=sums)
            scale = np.exp(top - self.totals[own])
            gathered[..., own] = sums[..., self._ends[own] - some.start] * scale
            carried, before = sums[..., -1], top
        return gathered

    def spread(self, numbers: np.ndarray) -> np.ndarray:
        """Return Σ exp(v_j − total) numbers over the ends from each row j on, (rows,).

        Args:
            numbers: (ends,).
        """
        spread, carried, after = np.zeros(len(self.logs)), 0.0, np.inf
        for some, own in reversed(list(self._pieces())):
            low = self._up_to[some.start]
            sums = np.zeros(some.stop - some.start)
            sums[self._ends[own] - some.start] = numbers[own] * np.exp(low - self.totals[own])
            sums[-1] += carried * np.exp(low - after)
            sums = np.cumsum(sums[::-1])[::-1]
            spread[some] = sums * np.exp(self.logs[some] - low)
            carried, after = sums[0], low
        return spread

    def _pieces(self) -> Iterator[tuple[slice, slice]]:
        """Yield rows, and the ends in them."""
        cuts = np.flatnonzero(np.diff(np.floor(self._up_to / _RANGE))) + 1
        bounds = [0, *cuts.tolist(), len(self.logs)]
        ends = np.searchsorted(self._ends, bounds)
        for place in range(len(bounds) - 1):
            yield (
                slice(bounds[place], bounds[place + 1]),
                slice(int(ends[place]), int(ends[place + 1])),
            )
