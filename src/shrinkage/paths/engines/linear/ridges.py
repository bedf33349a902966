"""Models with ridges alone, in the directions of a singular value decomposition.

Who uses this: the solver. √share·x = U S Vᵀ is decomposed once for all strengths; with w = V z
there are no more unknowns than rows or inputs. Squared errors are solved in closed form,
z = S Uᵀ t / (S² + β). Other losses go by L-BFGS of SciPy in coordinates z·√(b S²/2 + β), b being
the bound of the second derivatives, in which the curvature is nearly even.
"""

from __future__ import annotations

import copy

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize

from shrinkage.paths.engines.linear.losses import Loss, Place, Squared

_FLAT = 1e-14  # a direction in which the inputs vary by less than this share has no weight
_MEMORY = 20
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
        self._loss, self._inside = loss, copy.copy(loss)
        self._inside.x = loss.x @ self._directions

    def solve(self, beta: float, start: Place, tolerance: float) -> Place:
        """Return the place at a strength of ½Σw², where all derivatives are below the tolerance."""
        if isinstance(self._loss, Squared):
            moment = self._inside.x.T @ self._loss.target
            weights = (moment / (self._squares + beta)) @ self._directions.T
            return self._loss.at(weights[None, :], start.intercept)
        inside = self._by_steps(beta, start, tolerance)
        return self._loss.at(inside.weights @ self._directions.T, inside.intercept)

    def _by_steps(self, beta: float, start: Place, tolerance: float) -> Place:
        outputs = self._loss.outputs
        even = np.sqrt(np.append(0.5 * self._loss.bound * self._squares + beta, self._loss.bound))

        def at(vector: np.ndarray) -> tuple[Place, np.ndarray]:
            numbers = vector.reshape(outputs, -1) / even
            return self._inside.at(numbers[:, :-1], numbers[:, -1]), numbers[:, :-1]

        def objective(vector: np.ndarray) -> tuple[float, np.ndarray]:
            place, weights = at(vector)
            slope = np.empty((outputs, len(even)))
            slope[:, :-1] = place.pull.T @ self._inside.x + beta * weights
            slope[:, -1] = place.pull.sum(axis=0)
            value = place.value + 0.5 * beta * float((weights * weights).sum())
            return value, (slope / even).ravel()

        first = np.column_stack([start.weights @ self._directions, start.intercept]) * even
        options = {"maxcor": _MEMORY, "maxiter": _MOST, "gtol": tolerance, "ftol": 0.0}
        ended = minimize(objective, first.ravel(), jac=True, method="L-BFGS-B", options=options)
        return at(ended.x)[0]
