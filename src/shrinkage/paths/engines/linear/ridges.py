"""Models with ridges alone, in the directions of a singular value decomposition.

Who uses this: the solver. √share·x = U S Vᵀ is decomposed once for all strengths; with w = V z
there are no more unknowns than rows or inputs. Squared errors are solved in closed form,
z = S Uᵀ t / (S² + β). Other losses go by L-BFGS of SciPy in coordinates z·√(b S²/2 + β), b being
the bound of the second derivatives, in which the curvature is nearly even.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.linalg import cholesky, eigh, solve_triangular
from scipy.optimize import OptimizeResult, minimize

from shrinkage.paths.engines.linear.losses import Loss, Place, Squared, Unknowns

_FLAT = 1e-14  # a direction in which the inputs vary by less than this share has no weight
_MEMORY = 20
_SLOW = 15  # steps after which second derivatives are worth their while
_MOST_FACTORED = 1500  # numbers whose second derivatives are factored
_FLAT_INTERCEPT = 1e-4  # of the bound: what all classes may share has no curvature
_MOST = 2000


class Ridges:
    """Solves for one strength after the other.

    Args:
        loss: of the rows.
    """

    def __init__(self, loss: Loss) -> None:
        weighed = loss.x * np.sqrt(loss.share)[:, None]
        rows, inputs = weighed.shape
        wide = inputs > rows
        squares, vectors = eigh(weighed @ weighed.T if wide else weighed.T @ weighed)
        there = squares > _FLAT * max(float(squares[-1]), 1e-300)
        self._squares = squares[there]
        self._directions = vectors[:, there]
        if wide:
            self._directions = weighed.T @ (self._directions / np.sqrt(self._squares))
        self._directions[~weighed.any(axis=0)] = 0.0  # LAPACK leaves rounding there
        self._steps, self._last = 0, None
        self._loss, self._inside = loss, copy.copy(loss)
        self._inside.x = np.asfortranarray(loss.x @ self._directions)

    def solve(self, beta: float, start: Place, tolerance: float) -> Place:
        """Return the place at a strength of ½Σw², where all derivatives are below the tolerance."""
        inside = self._by_steps(beta, start, tolerance)
        return self._loss.at(inside.weights @ self._directions.T, inside.intercept)

    def squares(self, betas: np.ndarray) -> np.ndarray:
        """Return the weights (strengths, inputs) of squared errors, in closed form."""
        assert isinstance(self._loss, Squared)
        moment = self._inside.x.T @ self._loss.target
        return (moment / (self._squares + betas[:, None])) @ self._directions.T

    def without(self, start: Place, ends: Callable[[Place], bool], most: int) -> Place:
        """Return a place towards the minimizer of the loss alone, after so many steps at the most.

        Args:
            start: where to begin.
            ends: whether a place is far enough.
            most: steps.
        """
        steps = _Steps(self._inside, 0.0, self._even(0.0))

        def look(vector: np.ndarray) -> None:
            if ends(steps.at(vector)[0]):
                raise StopIteration

        options = {"maxcor": _MEMORY, "maxiter": most, "ftol": 0.0}
        ended = steps.minimized(self._numbers(start), options, callback=look)
        place = steps.at(ended.x)[0]
        return self._loss.at(place.weights @ self._directions.T, place.intercept)

    def _by_steps(self, beta: float, start: Place, tolerance: float) -> Place:
        first, steps = self._numbers(start), _Steps(self._inside, beta, self._metric(beta, start))
        bound = np.sqrt(2 * tolerance / len(first))
        options = {"maxcor": _MEMORY, "maxiter": _MOST, "gtol": bound, "ftol": 0.0}
        ended = steps.minimized(first, options)
        self._steps = ended.nit
        return steps.at(ended.x)[0]

    def _numbers(self, place: Place) -> np.ndarray:
        """Return weights in the directions and intercepts, output by output."""
        return np.column_stack([place.weights @ self._directions, place.intercept]).ravel()

    def _even(self, beta: float) -> Even:
        """Return the coordinates of the bounds."""
        even = np.append(0.5 * self._loss.bound * self._squares + beta, self._loss.bound)
        return Even(np.tile(np.sqrt(even), self._loss.outputs))

    def _metric(self, beta: float, start: Place) -> Metric:
        """Return coordinates in which the curvature is nearly even at the start.

        Those of the bounds, until they are slow; then those of the second derivatives, kept while
        they are quick.
        """
        outputs, count = self._loss.outputs, len(self._squares) + 1
        if self._steps <= _SLOW and self._last is not None:
            return self._last
        if self._steps <= _SLOW or outputs * count > _MOST_FACTORED:
            return self._even(beta)
        weights = start.weights @ self._directions
        place = self._inside.at(weights, start.intercept)
        matrix = self._inside.curvature(place, Unknowns(np.ones(weights.shape, dtype=bool), True))
        order = np.arange(outputs * (count - 1)).reshape(outputs, -1)
        order = np.column_stack([order, outputs * (count - 1) + np.arange(outputs)]).ravel()
        matrix = matrix[np.ix_(order, order)]
        diagonal = np.einsum("ii->i", matrix)
        diagonal += np.tile(np.append(np.full(count - 1, beta), _FLAT_INTERCEPT), outputs)
        diagonal += 1e-9 * diagonal.max()
        self._last = Factored(cholesky(matrix, lower=True, check_finite=False))
        return self._last


@dataclass(frozen=True, eq=False)
class _Steps:
    """A loss with a ridge in the coordinates of a metric, and steps of L-BFGS on it.

    Attributes:
        inside: the loss in the directions.
        beta: of ½Σw².
        metric: the coordinates.
    """

    inside: Loss
    beta: float
    metric: Metric

    def at(self, vector: np.ndarray) -> tuple[Place, np.ndarray]:
        """Return the place of the coordinates, and its weights."""
        numbers = self.metric.back(vector).reshape(self.inside.outputs, -1)
        return self.inside.at(numbers[:, :-1], numbers[:, -1]), numbers[:, :-1]

    def objective(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """Return its value and gradient."""
        place, weights = self.at(vector)
        slope = np.empty((self.inside.outputs, self.inside.x.shape[1] + 1))
        slope[:, :-1] = place.pull @ self.inside.x + self.beta * weights
        slope[:, -1] = place.pull.sum(axis=1)
        value = place.value + 0.5 * self.beta * float((weights * weights).sum())
        return value, self.metric.gradient(slope.ravel())

    def minimized(
        self,
        numbers: np.ndarray,
        options: dict[str, Any],
        callback: Callable[[np.ndarray], None] | None = None,
    ) -> OptimizeResult:
        """Return where L-BFGS leads from these numbers."""
        first = self.metric.forth(numbers)
        return minimize(
            self.objective, first, jac=True, method="L-BFGS-B", options=options, callback=callback
        )


class Metric(Protocol):
    """Coordinates u of numbers v: u = M v."""

    def forth(self, numbers: np.ndarray) -> np.ndarray:
        """Return M v."""
        ...

    def back(self, vector: np.ndarray) -> np.ndarray:
        """Return M⁻¹ u."""
        ...

    def gradient(self, slope: np.ndarray) -> np.ndarray:
        """Return the gradient by u of what has this one by v."""
        ...


@dataclass(frozen=True, eq=False)
class Even:
    """M = diag(d)."""

    size: np.ndarray

    def forth(self, numbers: np.ndarray) -> np.ndarray:
        """Return d v."""
        return numbers * self.size

    def back(self, vector: np.ndarray) -> np.ndarray:
        """Return u / d."""
        return vector / self.size

    def gradient(self, slope: np.ndarray) -> np.ndarray:
        """Return g / d."""
        return slope / self.size


@dataclass(frozen=True, eq=False)
class Factored:
    """M = Lᵀ, where L Lᵀ are second derivatives."""

    triangle: np.ndarray

    def forth(self, numbers: np.ndarray) -> np.ndarray:
        """Return Lᵀ v."""
        return numbers @ self.triangle

    def back(self, vector: np.ndarray) -> np.ndarray:
        """Return L⁻ᵀ u."""
        return solve_triangular(self.triangle, vector, lower=True, trans=1, check_finite=False)

    def gradient(self, slope: np.ndarray) -> np.ndarray:
        """Return L⁻¹ g."""
        return solve_triangular(self.triangle, slope, lower=True, check_finite=False)
