"""One linear model after the other along a path, each solved to a certificate.

Who uses this: the linear engine. A proximal gradient step says which weights come in and which
leave; Newton steps on those that are there go to their minimizer; the duality gap says when that is
the minimizer of all. A model starts from the one before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shrinkage.paths.engines.linear.losses import Loss, Place, Squared
from shrinkage.paths.engines.linear.newton import MOST_DENSE, Unknowns, newton_step
from shrinkage.paths.engines.linear.norms import Norms
from shrinkage.paths.engines.linear.ridges import Ridges
from shrinkage.paths.engines.linear.thresholds import threshold_step

GAP = 1e-6
"""The relative duality gap below which a model is certified to be at its minimizer."""

CERTAIN = 1e-8
_FLAT = 1e-6  # of the largest derivative at zero weights
_FEW = 150  # unknowns for which Newton's method is the quickest
_AIM = 1e-11  # what Newton's method reaches for little more
_MOST = 200
_POLISHES = 25
_NEWTONS = 3  # of a pattern, between two looks at all weights
_NEAR = 1e-7  # a gap from which Newton's method on the pattern goes to the end
_PATIENCE = 25
_SETTLED = 0.5  # of what comes in: how far those that are there may still move
_INNER = 6
_LEAST_SET = 100  # weights of a working set
_ENTER = 50  # weights that may come in at once, or as many as there are


@dataclass(frozen=True, eq=False)
class Solved:
    """A model with inputs that are not centred, and how near it is to the minimizer.

    `gap` is (objective − dual objective) / objective at zero weights; without any penalty it is
    the largest derivative over that at zero weights.
    """

    weights: np.ndarray
    intercept: np.ndarray
    gap: float


class Solver:
    """Solves for one penalty after the other on the same rows.

    Args:
        loss: of the rows.
    """

    def __init__(self, loss: Loss) -> None:
        self._loss, start = loss, loss.start()
        zero = np.zeros((loss.outputs, loss.x.shape[1]))
        self._zero = self._now = loss.at(zero, start)
        self._scale = float(np.abs(self._zero.pull.T @ loss.x).max(initial=0.0))
        self._curvature = loss.bound * _largest_curvature(loss)

    def solve(self, norms: Norms) -> Solved:
        """Return the minimizer, starting from that of the last penalty."""
        if norms.free.all() or not (norms.alpha or norms.beta or norms.gamma):
            return self._unpenalised(norms)
        place, best, gap, stalled = self._now, np.inf, np.inf, 0
        by_ridges = norms.is_smooth and not norms.free.any() and self._is_large
        if by_ridges:
            place = self._ridges.solve(norms.beta, place, _FLAT * self._scale)
        aim = CERTAIN if by_ridges else _AIM
        for _ in range(_MOST):
            place = self._settled(place, norms)
            slope = place.pull.T @ self._loss.x
            gap = self._gap(place, slope, norms)
            stalled = stalled + 1 if gap > 0.5 * best else 0
            best = min(best, gap)
            if gap <= aim or stalled > (_PATIENCE if gap > CERTAIN else 3):
                break
            place = self._nearer(place, slope, norms, gap)
        if not by_ridges:
            place = self._on_pattern(place, norms)
        self._now = place
        return self._result(place, norms, max(gap, 0.0))

    def _nearer(self, place: Place, slope: np.ndarray, norms: Norms, gap: float) -> Place:
        """Return a better place: by a model of the loss, or by the pattern once it is known."""
        if norms.alpha and not norms.gamma and gap > _NEAR and self._is_long:
            return self._on_working_set(place, slope, norms, gap)
        place = self._entered(place, slope, norms)
        for _ in range(_NEWTONS):
            before, place = place, self._on_pattern(place, norms)
            same = bool(((before.weights != 0) == (place.weights != 0)).all())
            if same and isinstance(self._loss, Squared):
                break
        return place

    def _on_pattern(self, place: Place, norms: Norms) -> Place:
        """Take a Newton step with the weights that are there."""
        unknowns = Unknowns((place.weights != 0) | norms.free, self._loss.has_intercept)
        return newton_step(self._loss, norms, place, unknowns)

    def _on_working_set(self, place: Place, slope: np.ndarray, norms: Norms, gap: float) -> Place:
        """Solve for the weights that are there and those that press most to come in."""
        pressing = (np.abs(slope) - norms.alpha) * norms.held
        pressing[place.weights != 0] = np.inf
        wanted = (pressing > 0) & ~norms.free
        most = min(MOST_DENSE, max(_LEAST_SET, 2 * int((place.weights != 0).sum())))
        if wanted.sum() > most:
            wanted &= pressing >= np.partition(pressing[wanted], -most)[-most]
        enough = 0.1 * gap * max(self._zero.value, 1e-300)
        for _ in range(1 if isinstance(self._loss, Squared) else _INNER):
            before = place.value + norms.value(place.weights)
            tolerance = max(1e-12, min(1e-4, 0.01 * gap))
            place = threshold_step(self._loss, norms, place, wanted, tolerance)
            if before - place.value - norms.value(place.weights) <= enough:
                break
        return place

    def pull_at_zero(self, free: np.ndarray) -> np.ndarray:
        """Return the loss's gradient where all weights are 0 but the free ones, at their best.

        Args:
            free: (inputs,) truths.
        """
        place = self._settled(self._zero, Norms(0.0, 0.0, 0.0, None, free))
        return place.pull.T @ self._loss.x

    def _result(self, place: Place, norms: Norms, gap: float) -> Solved:
        """Return the model; what all classes may share is taken from none of them."""
        weights, intercept = place.weights, place.intercept
        if self._loss.outputs > 1:
            nowhere = norms.free | (not (norms.alpha or norms.beta or norms.gamma))
            weights = weights - np.where(nowhere, weights.mean(axis=0), 0.0)
            intercept = intercept - intercept.mean()
        return Solved(weights, self._loss.intercept_of(weights, intercept), gap)

    @property
    def _is_large(self) -> bool:
        """Whether Newton's method would take longer than the decomposition."""
        squared = isinstance(self._loss, Squared)
        return squared or self._unknowns > _FEW

    @property
    def _is_long(self) -> bool:
        """Whether a working set is worth its while: with few weights all are looked at."""
        return self._loss.outputs > 1 or self._unknowns > _FEW

    @property
    def _unknowns(self) -> int:
        return self._loss.outputs * (self._loss.x.shape[1] + 1)

    @cached_property
    def _ridges(self) -> Ridges:
        return Ridges(self._loss)

    def _gap(self, place: Place, slope: np.ndarray, norms: Norms) -> float:
        """Return the relative duality gap of a place whose intercepts are at their best."""
        scale, conjugate = norms.conjugate(-slope)
        primal = place.value + norms.value(place.weights)
        dual = self._loss.dual(place, scale) - conjugate
        return (primal - dual) / max(self._zero.value, 1e-300)

    def _settled(self, place: Place, norms: Norms) -> Place:
        """Return the place with intercepts and free weights at their best: the dual asks for it."""
        free = np.broadcast_to(norms.free, place.weights.shape)
        unknowns = Unknowns(free, self._loss.has_intercept)
        if not self._loss.has_intercept and not norms.free.any():
            return place
        nothing = Norms(0.0, 0.0, 0.0, None, norms.free)
        for _ in range(_POLISHES):
            slope = place.pull.T @ self._loss.x
            left = unknowns.taken(slope, place.pull.sum(axis=0))
            if np.abs(left).max(initial=0.0) <= 1e-13 * max(self._scale, 1e-3):
                break
            moved = newton_step(self._loss, nothing, place, unknowns)
            if moved is place:
                break
            place = moved
        return place

    def _entered(self, place: Place, slope: np.ndarray, norms: Norms) -> Place:
        """Take a proximal gradient step, in which the strongest weights come in first."""
        before = place.value + norms.value(place.weights)
        step = 1.0 / max(self._curvature, 1e-300)
        for _ in range(30):
            weights = norms.prox(place.weights - step * slope, step)
            weights = _strongest(weights, place.weights, norms)
            moved = self._loss.at(weights, place.intercept)
            if moved.value + norms.value(weights) <= before * (1 + 1e-15):
                return moved
            step *= 0.5
        return place

    def _unpenalised(self, norms: Norms) -> Solved:
        """Return the minimizer of the loss alone, or where it leads if there is none."""
        everything = Norms(0.0, 0.0, 0.0, None, np.ones_like(norms.free))
        unknowns = Unknowns(np.ones(self._zero.weights.shape, bool), self._loss.has_intercept)
        place, residual = self._zero, np.inf
        for _ in range(_MOST):
            slope = place.pull.T @ self._loss.x
            residual = float(np.abs(slope).max(initial=0.0)) / max(self._scale, 1e-300)
            ended = getattr(self._loss, "separates", None)
            if residual <= _AIM or (ended is not None and ended(place, SEPARATED)):
                break
            moved = newton_step(self._loss, everything, place, unknowns)
            if moved is place:
                break
            place = moved
        return self._result(place, norms, residual)


SEPARATED = 1e-3
"""The loss at which classes that a hyperplane separates end, where no minimizer is."""


def _strongest(weights: np.ndarray, before: np.ndarray, norms: Norms) -> np.ndarray:
    """Leave out the weakest of the weights that come in; all, while the others still move far."""
    comes = (weights != 0) & (before == 0) & ~norms.free
    sizes = np.abs(weights)
    staying = float(np.abs((weights - before)[before != 0]).max(initial=0.0))
    if staying > _SETTLED * float(sizes[comes].max(initial=0.0)):
        return np.where(comes, 0.0, weights)
    if norms.gamma and norms.labels is not None:
        sizes = np.append(norms.lengths(weights), np.inf)[norms.labels]
    most = max(_ENTER, int((before != 0).sum() // 2))
    if comes.sum() <= most:
        return weights
    least = np.sort(sizes[comes])[-most]
    return np.where(comes & (sizes < least), 0.0, weights)


def _largest_curvature(loss: Loss) -> float:
    """Return an upper bound of the largest eigenvalue of Σ share x xᵀ, by power iteration."""
    vector = np.random.default_rng(0).normal(size=loss.x.shape[1])
    size = 0.0
    for _ in range(30):
        length = float(np.linalg.norm(vector))
        if not length:
            return 0.0
        vector = loss.x.T @ (loss.share * (loss.x @ (vector / length)))
        size = float(np.linalg.norm(vector))
    return 1.1 * size
