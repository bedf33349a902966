"""The data loss of censored times, Cox's partial likelihood, by the promises of `losses.Loss`.

Who uses this: the solver and the certificate. Rows stand from the latest time to the first, so that
every risk set is the rows up to one of them, and what is summed over risk sets, or over the events
whose sets hold a row, is a running sum: all second derivatives cost two products of matrices.

Source: Simon, Friedman, Hastie and Tibshirani, Regularization paths for Cox's proportional hazards
model via coordinate descent, J. Stat. Softw. 39 (2011), who take the diagonal of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shrinkage.paths.engines.linear.losses import (
    Place,
    Unknowns,
    center_of,
    outputs_of,
    squares_of,
)
from shrinkage.paths.engines.linear.running_sums import RunningSums


class Times:
    """Σ c (log D − ō) over the places of the events, D = Σ w exp(o) over the risk set.

    Events at one time are one place (Breslow), which counts their shares, or d places (Efron) that
    count the mean share each, and the l-th of which leaves the share l/d of these events out of D;
    ō is their mean output. The loss does not see an intercept.

    Args:
        x: (rows, inputs).
        target: (rows,) times, negative where they are censored.
        share: (rows,).
        efron: whether equal times are as Efron has them.
    """

    outputs = 1
    has_intercept = False
    is_even = False
    is_relative = False
    bound = 1.0

    def __init__(
        self, x: np.ndarray, target: np.ndarray, share: np.ndarray, *, efron: bool
    ) -> None:
        some = np.flatnonzero(share > 0)
        self.center = center_of(x[some], share[some])
        order = some[np.lexsort((target[some] <= 0, -np.abs(target[some])))]
        self.x = np.asfortranarray(x[order] - self.center)
        self.share = share[order]
        self._log_weight = np.log(self.share * len(x))
        self._ties = _Ties.of(target[order], self.share, efron)
        self._counted = np.zeros(len(order))
        self._counted[self._ties.events] = self.share[self._ties.events]
        self._least = self._ties.least(len(x))

    def start(self) -> np.ndarray:
        """Return 0: a risk that all share is in no likelihood."""
        return np.zeros(1)

    def at(self, weights: np.ndarray, intercept: np.ndarray) -> Place:
        """Return the loss at weights (1, inputs); `chance` is the outputs, log w added."""
        ties, outputs = self._ties, outputs_of(self.x, weights)[0]
        sets = _Sets(ties, RunningSums(outputs + self._log_weight, ties.ends))
        value = float(ties.counts @ sets.logs - self._counted @ outputs)
        pull = sets.spread(ties.counts) - self._counted
        return Place(weights, intercept, value, pull[None], sets.sums.logs[None])

    def curve(self, place: Place, moved: np.ndarray) -> np.ndarray:
        """Return a∘m − Σ c p (p·m), p being the chances of a place's risk set and a = Σ c p."""
        sets = self._sets(place)
        each = self._ties.counts * sets.means(moved)[0]
        return moved * sets.spread(self._ties.counts) - sets.spread(each)

    def curvature(self, place: Place, unknowns: Unknowns) -> np.ndarray:
        """Return Σ a x xᵀ − Σ c x̄ x̄ᵀ, x̄ being the mean of the inputs over a risk set."""
        (own,) = unknowns.columns
        sets, columns = self._sets(place), self.x.T[own]
        means = sets.means(columns) * np.sqrt(self._ties.counts)
        inside = columns * np.sqrt(np.maximum(sets.spread(self._ties.counts), 0.0))
        return squares_of(inside) - squares_of(means)

    def bend(self, place: Place) -> np.ndarray:  # noqa: ARG002
        """Return 0."""
        return np.zeros((1, 1))

    def dual(self, place: Place, scale: float) -> float:
        """Return −f*(scale · pull) or less, f*(u) being u·o − f(o) and at 0 the least loss.

        A conjugate lies below its chords: f*(scale · u) ≤ scale · f*(u) + (1 − scale) · f*(0).
        """
        assert place.chance is not None
        outputs = place.chance[0] - self._log_weight
        return scale * (place.value - float(place.pull[0] @ outputs)) + (1 - scale) * self._least

    def intercept_of(self, weights: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return the intercept with which outputs are 0 at the mean of the inputs."""
        return intercept - weights @ self.center

    def separates(self, place: Place, below: float) -> bool:
        """Return whether the events come in the order of the outputs and the loss is almost 0."""
        return place.value - self._least < below

    def _sets(self, place: Place) -> _Sets:
        assert place.chance is not None
        return _Sets(self._ties, RunningSums(place.chance[0], self._ties.ends))


@dataclass(frozen=True, eq=False)
class _Ties:
    """The events, time by time from the latest to the first, and the places that they have.

    Attributes:
        events: (events,) rows.
        starts: (times,) which of them is the first of a time.
        ends: (times,) the last row of the risk set.
        time: (places,) the number of the place's time.
        gone: (places,) the share of the time's events that its risk set lacks.
        counts: (places,) c.
        totals: (times,) the sum of the events' shares.
    """

    events: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    time: np.ndarray
    gone: np.ndarray
    counts: np.ndarray
    totals: np.ndarray

    @classmethod
    def of(cls, target: np.ndarray, share: np.ndarray, efron: bool) -> _Ties:
        """Return those of rows from the latest time to the first, of equal times events first."""
        events = np.flatnonzero(target > 0)
        _, starts, number = np.unique(-target[events], return_index=True, return_counts=True)
        ends = np.searchsorted(-np.abs(target), -target[events[starts]], side="right") - 1
        totals = np.add.reduceat(share[events], starts)
        places = number if efron else np.ones_like(number)
        time = np.repeat(np.arange(len(starts)), places)
        gone = (np.arange(len(time)) - (np.cumsum(places) - places)[time]) / places[time]
        return cls(events, starts, ends, time, gone, (totals / places)[time], totals)

    def least(self, rows: int) -> float:
        """Return the infimum of the loss: Σ c log(Σ w (1 − gone)) over the events of each place.

        That is where risk sets are as good as nothing but these events (Gibbs' inequality).
        """
        left = rows * self.totals[self.time] * (1 - self.gone)
        return float(self.counts @ np.log(left))


class _Sets:
    """The risk sets of the places at some outputs.

    Args:
        ties: the events.
        sums: of outputs and log w, up to the end of every time's risk set.
    """

    def __init__(self, ties: _Ties, sums: RunningSums) -> None:
        self._ties, self.sums = ties, sums
        number = np.diff(ties.starts, append=len(ties.events))
        totals = sums.totals
        self._tied = np.exp(sums.logs[ties.events] - np.repeat(totals, number))
        self._number = number
        self._left = 1 - ties.gone * np.add.reduceat(self._tied, ties.starts)[ties.time]
        self.logs = totals[ties.time] + np.log(self._left)  # log D of every place

    def means(self, numbers: np.ndarray) -> np.ndarray:
        """Return the means of numbers (…, rows) over the places' risk sets, (…, places)."""
        ties, whole = self._ties, self.sums.gathered(numbers)[..., self._ties.time]
        if ties.gone.any():
            tied = np.add.reduceat(self._tied * numbers[..., ties.events], ties.starts, axis=-1)
            whole = whole - ties.gone * tied[..., ties.time]
        return whole / self._left

    def spread(self, numbers: np.ndarray) -> np.ndarray:
        """Return for every row the sum of its chance times a number over the places (places,)."""
        ties, each = self._ties, numbers / self._left
        times = len(ties.starts)
        rows = self.sums.spread(np.bincount(ties.time, each, times))
        if ties.gone.any():
            gone = np.bincount(ties.time, each * ties.gone, times)
            rows[ties.events] -= self._tied * np.repeat(gone, self._number)
        return rows
