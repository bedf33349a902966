"""Models with ridges alone, in the directions of a singular value decomposition.

Who uses this: the solver. √share·x = U S Vᵀ is decomposed once for all strengths; with w = V z
there are no more unknowns than rows or inputs. Squared errors are solved in closed form,
z = S Uᵀ t / (S² + β). Other losses go by L-BFGS of SciPy in coordinates z·√(b S²/2 + β), b being
the bound of the second derivatives, in which the curvature is nearly even.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.linalg import cholesky, eigh, solve_triangular
from scipy.optimize import minimize

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

    def _by_steps(self, beta: float, start: Place, tolerance: float) -> Place:
        outputs = self._loss.outputs
        metric = self._metric(beta, start)

        def at(vector: np.ndarray) -> tuple[Place, np.ndarray]:
            numbers = metric.back(vector).reshape(outputs, -1)
            return self._inside.at(numbers[:, :-1], numbers[:, -1]), numbers[:, :-1]

        def objective(vector: np.ndarray) -> tuple[float, np.ndarray]:
            place, weights = at(vector)
            slope = np.empty((outputs, len(self._squares) + 1))
            slope[:, :-1] = place.pull @ self._inside.x + beta * weights
            slope[:, -1] = place.pull.sum(axis=1)
            value = place.value + 0.5 * beta * float((weights * weights).sum())
            return value, metric.gradient(slope.ravel())

        first = np.column_stack([start.weights @ self._directions, start.intercept]).ravel()
        count = len(first)
        options = {
            "maxcor": _MEMORY,
            "maxiter": _MOST,
            "gtol": np.sqrt(2 * tolerance / count),
            "ftol": 0.0,
        }
        ended = minimize(
            objective, metric.forth(first), jac=True, method="L-BFGS-B", options=options
        )
        self._steps = ended.nit
        return at(ended.x)[0]

    def _metric(self, beta: float, start: Place) -> Metric:
        """Return coordinates in which the curvature is nearly even at the start.

        Those of the bounds, until they are slow; then those of the second derivatives, kept while
        they are quick.
        """
        outputs, count = self._loss.outputs, len(self._squares) + 1
        if self._steps <= _SLOW and self._last is not None:
            return self._last
        if self._steps <= _SLOW or outputs * count > _MOST_FACTORED:
            even = np.append(0.5 * self._loss.bound * self._squares + beta, self._loss.bound)
            return Even(np.tile(np.sqrt(even), outputs))
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
