"""One linear model after the other along a path, each solved to a certificate.

Who uses this: the linear engine. The weights that are there and those that press most to come in
are a working set; proximal Newton steps on it say which stay, and where descent is slow Newton
steps on those that are there go to their minimizer; the duality gap says when that is the minimizer
of all.
A model starts from the one before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shrinkage.paths.engines.linear.ahead import ahead
from shrinkage.paths.engines.linear.descents import Working
from shrinkage.paths.engines.linear.family import Family
from shrinkage.paths.engines.linear.in_calls import (
    FEW,
    LEAST_SET,
    MOST_SET,
    Ends,
    solved_in_calls,
)
from shrinkage.paths.engines.linear.intercepts import Intercepts
from shrinkage.paths.engines.linear.losses import (
    Loss,
    OneOutput,
    Place,
    Squared,
    Unknowns,
    outputs_of,
)
from shrinkage.paths.engines.linear.newton import MOST_DENSE, newton_step
from shrinkage.paths.engines.linear.norms import Norms
from shrinkage.paths.engines.linear.ridges import Ridges
from shrinkage.paths.engines.linear.together import Together, solved_together

GAP = 1e-6
"""The relative duality gap below which a model is certified to be at its minimizer."""

SEPARATED = 1e-3
"""The loss at which classes that a hyperplane separates end, where no minimizer is."""

AWAY = 1e-2
"""By how much Newton's step moves an output where weights grow for ever, or more."""

_NOTHING = 1e-290  # a loss that no number tells from 0
_LEAST_RESIDUAL = 1e-12
_NEAR = 1e-8  # where what no longer gets better has got as far as rounding lets it
_MOST = 200
_FIRST = 60  # steps without a penalty before the first of Newton's
_DECOMPOSED = 1500  # rows or inputs that are decomposed for these
_TRIES = 4  # of L-BFGS, each ten times as exact as the one before
_PATIENCE = 25
_INNER = 6
_PART, _EXACT = 1e-3, 1e-13  # what descent leaves of the gap, but no less


@dataclass(frozen=True)
class Aim:
    """The gap at which a model is left: for little more Newton's method goes far below `GAP`.

    With a ridge the gap is of the order of the squared distance, and coefficients have half as
    many digits.
    """

    gap: float
    of_ridges: float


AIM = Aim(1e-11, 1e-12)
"""Five digits of the coefficients, and more where nothing is nearly flat."""


@dataclass(frozen=True, eq=False)
class Solved:
    """A model with inputs that are not centred, and how near it is to the minimizer.

    `gap` is (objective − dual objective) / objective at zero weights; without any penalty it is
    the largest derivative over that at zero weights or, where there is no minimizer, by how much
    the last step moved an output.
    """

    weights: np.ndarray
    intercept: np.ndarray
    gap: float


@dataclass(frozen=True, eq=False)
class Path:
    """Weights (models, outputs, inputs), intercepts (models, outputs) and gaps (models,)."""

    weights: np.ndarray
    intercepts: np.ndarray
    gaps: np.ndarray


class Solver:
    """Solves for one penalty after the other on the same rows.

    Args:
        loss: of the rows.
        aim: how near to the minimizer.
    """

    def __init__(self, loss: Loss, aim: Aim = AIM) -> None:
        self._aim = aim
        self._loss, start = loss, loss.start()
        zero = np.zeros((loss.outputs, loss.x.shape[1]))
        self._zero = self._now = loss.at(zero, start)
        self._scale = float(np.abs(self._zero.pull @ loss.x).max(initial=0.0))
        self._unit = max(self._zero.value, 1e-300)
        self._intercepts = Intercepts(loss, self._scale, self._unit)
        self._working: Working | None = None

    def path(self, family: Family) -> Path:
        """Return the minimizers of some penalties, each starting from that of the one before."""
        loss, together, models = self._loss, None, len(family)
        weights = np.zeros((models, *self._zero.weights.shape))
        intercepts, gaps = np.zeros((models, loss.outputs)), np.zeros(models)
        if self._zero.value <= _NOTHING:  # of one class, or no count: a constant is the best
            intercepts[:] = loss.intercept_of(self._zero.weights, self._zero.intercept)
            return Path(weights, intercepts, gaps)
        left = np.ones(models, dtype=bool)
        some = np.flatnonzero(family.levels.any(axis=1))
        if len(some) and not family.shape.free.all():
            together = self._together(family.take(some))
        if together is not None:
            weights[some, 0], gaps[some] = together.weights, together.gaps
            intercepts[some, 0] = loss.intercept_of(together.weights, together.intercepts)
            left[some] = ~together.settled
        before: list[tuple[np.ndarray, Place]] = []
        for place in np.flatnonzero(left):
            norms = family.norms(int(place))
            if together is not None:
                centred = intercepts[place] + weights[place] @ loss.center
                self._now = loss.at(weights[place], centred)
            else:
                self._now = ahead(loss, norms, self._now, before)
            solved = self.solve(norms)
            before = [*before[-1:], (norms.level, self._now)]
            weights[place], intercepts[place] = solved.weights, solved.intercept
            gaps[place] = solved.gap
        return Path(weights, intercepts, gaps + self._rounded(weights, intercepts))

    def _rounded(self, weights: np.ndarray, intercepts: np.ndarray) -> np.ndarray:
        """Return what rounding of the outputs may add to the objectives, over the unit of gaps.

        Intercepts are kept of inputs that are not centred: where these, or the target, lie far off
        beside their spread, outputs have few digits. That is at most ½ · bound · rounding².
        """
        parts = np.abs(intercepts) + np.abs(weights) @ np.abs(self._loss.center)
        rounding = (np.finfo(float).eps * parts) ** 2
        return 0.5 * self._loss.bound * rounding.sum(axis=1) / self._unit

    def _together(self, family: Family) -> Together | None:
        """Return the models of all strengths in one go; None where that is not the way."""
        loss = self._loss
        if isinstance(loss, Squared):
            return solved_together(loss, family, self._scale, self._unit)
        if isinstance(loss, OneOutput):
            ends = Ends(self._intercepts.left, self._aim.gap, self._aim.of_ridges, _MOST)
            return solved_in_calls(loss, family, self._zero, self._scale, ends)
        return None

    def solve(self, norms: Norms) -> Solved:
        """Return the minimizer, starting from that of the last penalty."""
        if norms.free.all() or norms.is_none:
            return self._unpenalised(norms)
        if norms.is_smooth and not norms.any_free and self._is_large:
            place, gap = self._by_ridges(norms)
            if gap > GAP and self._unknowns <= MOST_DENSE:  # columns of very different scales
                if place.objective(norms) < self._now.objective(norms):
                    self._now = place
                place, gap = self._by_steps(norms)
        else:
            place, gap = self._by_steps(norms)
        self._now = place
        return self._result(place, norms, max(gap, 0.0))

    def _by_steps(self, norms: Norms) -> tuple[Place, float]:
        place, best, gap, stalled = self._now, np.inf, np.inf, 0
        aim = self._aim.of_ridges if norms.beta else self._aim.gap
        for _ in range(_MOST):
            place, slope, gap = self._judged(place, norms)
            stalled = stalled + 1 if gap > 0.5 * best else 0
            best = min(best, gap)
            if gap <= aim or stalled > (_PATIENCE if gap > _NEAR else 2):
                break
            if stalled and self._loss.is_relative:
                moved = norms.shared(place.weights)
                if moved.any():
                    place = self._loss.at(place.weights - moved, place.intercept)
                    slope = place.pull @ self._loss.x
            if norms.is_smooth:
                place = self._on_pattern(place, norms)
            else:
                place = self._on_working_set(place, slope, norms, gap, slow=stalled > 0)
        return place, gap

    def _by_ridges(self, norms: Norms) -> tuple[Place, float]:
        if isinstance(self._loss, Squared):
            weights = self._ridges.squares(np.array([norms.beta]))
            place, _, gap = self._judged(self._loss.at(weights, self._now.intercept), norms)
            return place, gap
        place, gap, aim = self._now, np.inf, 0.03 * self._aim.of_ridges
        for _ in range(_TRIES):
            place = self._ridges.solve(norms.beta, place, aim * self._unit)
            place, _, gap = self._judged(place, norms)
            if gap <= self._aim.of_ridges:
                break
            aim *= 0.1
        return place, gap

    def _on_pattern(self, place: Place, norms: Norms) -> Place:
        """Take a Newton step with the weights that are there."""
        there = np.ones_like(norms.free) if norms.is_smooth else place.weights != 0
        there = np.broadcast_to(there | norms.free, place.weights.shape)
        return newton_step(self._loss, norms, place, Unknowns(there, self._loss.has_intercept))

    def _on_working_set(
        self, place: Place, slopes: np.ndarray, norms: Norms, gap: float, *, slow: bool
    ) -> Place:
        """Solve for the weights that are there and those that press most to come in."""
        wanted, working = self._wanted(place, slopes, norms), self._working
        if working is None or not working.serves(norms, wanted):
            working = self._working = Working(norms, wanted, self._loss.has_intercept)
        slope: np.ndarray | None = slopes
        exact = isinstance(self._loss, Squared)
        scale = min(self._scale, max(norms.alpha, norms.gamma))  # what holds a weight at 0
        for _ in range(1 if exact else _INNER):
            before = place.objective(norms)
            tolerance = max(_PART * min(gap, 1.0) * scale, _EXACT * self._scale)
            place, there = working.descent(self._loss, norms, place, tolerance, slope, slow=slow)
            slope = None
            if exact or not there:
                place = self._on_pattern(place, norms)
            if before - place.objective(norms) <= 0.1 * gap * self._unit:
                break
        return place

    def _wanted(self, place: Place, slope: np.ndarray, norms: Norms) -> np.ndarray:
        """Return the working set, (outputs, inputs) truths without free weights."""
        if self._unknowns <= FEW:
            return np.repeat(~norms.free[None], self._loss.outputs, axis=0)
        there = norms.there(place.weights)
        pressing = np.where(there, np.inf, norms.pressing(slope))
        wanted = (pressing > 0) & ~norms.free
        most = min(MOST_SET, max(LEAST_SET, 2 * np.count_nonzero(there)))
        if np.count_nonzero(wanted) > most:
            wanted &= pressing >= np.partition(pressing[wanted], -most)[-most]
        return wanted

    def gap_of(self, weights: np.ndarray, norms: Norms) -> float:
        """Return the relative duality gap of weights (outputs, inputs), intercepts at best."""
        return self._judged(self._loss.at(weights, self._zero.intercept), norms)[2]

    def pull_at_zero(self, free: np.ndarray) -> np.ndarray:
        """Return the loss's gradient where all weights are 0 but the free ones, at their best.

        Args:
            free: (inputs,) truths.
        """
        place = self._intercepts.settled(self._zero, Norms.none(free))
        return place.pull @ self._loss.x

    def _result(self, place: Place, norms: Norms, gap: float) -> Solved:
        """Return the model; what all classes may share is taken from none of them."""
        weights, intercept = place.weights, place.intercept
        if self._loss.is_relative:
            nowhere = norms.free | norms.is_none
            weights = weights - np.where(nowhere, weights.mean(axis=0), 0.0)
            intercept = intercept - intercept.mean()
        return Solved(weights, self._loss.intercept_of(weights, intercept), gap)

    @property
    def _is_large(self) -> bool:
        """Whether Newton's method would take longer than the decomposition."""
        squared = isinstance(self._loss, Squared)
        even = self._loss.is_even and self._loss.has_intercept
        return squared or (even and self._unknowns > FEW)

    @property
    def _unknowns(self) -> int:
        return self._loss.outputs * (self._loss.x.shape[1] + 1)

    @cached_property
    def _ridges(self) -> Ridges:
        return Ridges(self._loss)

    def _judged(self, place: Place, norms: Norms) -> tuple[Place, np.ndarray, float]:
        """Return the place with intercepts at their best, the gradient, and the relative gap."""
        place = self._intercepts.settled(place, norms)
        slope = place.pull @ self._loss.x
        scale, conjugate = norms.conjugate(-slope)
        dual = self._loss.dual(place, scale) - conjugate
        return place, slope, (place.objective(norms) - dual) / self._unit

    def _separated(self, place: Place) -> bool:
        return self._loss.separates(place, SEPARATED)

    def _unpenalised(self, norms: Norms) -> Solved:
        """Return the minimizer of the loss alone, or where it leads if there is none.

        Where some rows are separated from others, steps shrink the gradient for ever and move
        these rows' outputs by about 1 each; near a minimizer they hardly move any.
        """
        everything = Norms.none(np.ones_like(norms.free))
        unknowns = Unknowns(np.ones(self._zero.weights.shape, bool), self._loss.has_intercept)
        place, residual = self._zero, np.inf
        if self._is_large and self._loss.has_intercept and min(self._loss.x.shape) <= _DECOMPOSED:
            place = self._ridges.without(place, self._separated, _FIRST)
        if isinstance(self._loss, Squared) and (least := self._loss.least()) is not None:
            place = self._loss.at(least[None], place.intercept)
        last = 0.0
        for _ in range(_MOST):
            slope = place.pull @ self._loss.x
            residual = float(np.abs(slope).max(initial=0.0)) / max(self._scale, 1e-300)
            if residual <= _LEAST_RESIDUAL or self._separated(place):
                break
            moved = newton_step(self._loss, everything, place, unknowns)
            if moved is place:
                break
            last = self._apart(place, moved) if residual <= GAP else 0.0
            place = moved
        return self._result(place, norms, max(residual, last if last > AWAY else 0.0))

    def _apart(self, place: Place, moved: Place) -> float:
        """Return by how much an output differs at the most between two places."""
        weights, intercept = moved.weights - place.weights, moved.intercept - place.intercept
        return float(np.abs(outputs_of(self._loss.x, weights) + intercept[:, None]).max())
