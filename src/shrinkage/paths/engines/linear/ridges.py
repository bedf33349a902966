"""Models with ridges alone, in the directions of a singular value decomposition.

Who uses this: the solver. √share·x = U S Vᵀ is decomposed once for all strengths; with w = V z
there are no more unknowns than rows or inputs. Squared errors are solved in closed form,
z = S Uᵀ t / (S² + β). Other losses go by L-BFGS about the curvature b S² + β, b being the bound of
the second derivatives, or about second derivatives that were factored.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.linalg import eigh
from scipy.linalg.blas import strsv  # pyright: ignore[reportAttributeAccessIssue]
from scipy.linalg.lapack import spotrf  # pyright: ignore[reportAttributeAccessIssue]

from shrinkage.paths.engines.linear.losses import Loss, Place, Squared, Unknowns
from shrinkage.paths.engines.linear.quasi_newton import Descent, Point

_FLAT = 1e-14  # a direction in which the inputs vary by less than this share has no weight
_SLOW = 12  # steps after which second derivatives are worth their while
_MOST_FACTORED = 1500  # numbers whose second derivatives are factored
_FLAT_INTERCEPT = 1e-4  # of the bound: what all classes may share has no curvature
_DAMPING = 1e-6  # of the largest second derivative
_MOST = 2000

Front = Callable[[np.ndarray], np.ndarray]


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
        inside = loss.x @ self._directions
        if loss.has_intercept:
            inside = np.column_stack([inside, np.ones(rows)])
        self._inside.x = np.asfortranarray(inside)

    def solve(self, beta: float, start: Place, tolerance: float) -> Place:
        """Return the place at a strength of ½Σw², where all derivatives are below the tolerance."""
        return self._outside(self._by_steps(beta, start, tolerance))

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
        descent = Descent(
            lambda numbers: self._point(numbers, 0.0),
            self._even(0.0),
            lambda point, left: left <= 0 or ends(point.place),
        )
        return self._outside(descent.minimized(self._first(start, 0.0), most)[0].place)

    def _outside(self, inside: Place) -> Place:
        """Return a place with the weights of the inputs: its outputs stay."""
        weights, intercept = inside.weights[:, :-1], inside.weights[:, -1]
        return replace(inside, weights=weights @ self._directions.T, intercept=intercept)

    def _by_steps(self, beta: float, start: Place, tolerance: float) -> Place:
        descent = Descent(
            lambda numbers: self._point(numbers, beta),
            self._front(beta, start),
            lambda _, left: left <= tolerance,
        )
        ended, self._steps = descent.minimized(self._first(start, beta), _MOST)
        return ended.place if self._steps else self._at(ended.numbers)

    def _at(self, numbers: np.ndarray) -> Place:
        """Return the place of weights in the directions, each output's before its intercept."""
        table = numbers.reshape(self._loss.outputs, -1)
        return self._inside.at(table, np.zeros(len(table)))

    def _point(self, numbers: np.ndarray, beta: float) -> Point:
        """Return the point of such numbers."""
        return self._point_at(numbers, self._at(numbers), beta)

    def _first(self, start: Place, beta: float) -> Point:
        """Return the point of a place, whose outputs are those in the directions to rounding."""
        table = np.column_stack([start.weights @ self._directions, start.intercept])
        return self._point_at(table.ravel(), replace(start, weights=table), beta)

    def _point_at(self, numbers: np.ndarray, place: Place, beta: float) -> Point:
        slope, weights = place.pull @ self._inside.x, place.weights[:, :-1]
        slope[:, :-1] += beta * weights
        value = place.value + 0.5 * beta * float(np.vdot(weights, weights))
        return Point(numbers, value, slope.ravel(), place)

    def _front(self, beta: float, start: Place) -> Front:
        """Return what comes near to the inverse of the second derivatives.

        That of the bounds, until it is slow; then that of the second derivatives at a place, kept
        while it is quick.
        """
        if self._steps <= _SLOW and self._last is not None:
            return self._last
        numbers = self._loss.outputs * (len(self._squares) + 1)
        if self._steps <= _SLOW or numbers > _MOST_FACTORED:
            return self._even(beta)
        self._last = self._factored(beta, start)
        return self._last

    def _even(self, beta: float) -> Front:
        """Return the inverse of the bounds."""
        inverse = np.tile(1 / self._bounds(beta), self._loss.outputs)
        return lambda vector: inverse * vector

    def _bounds(self, beta: float) -> np.ndarray:
        """Return what curves the directions of one output and its intercept at the most."""
        return np.append(self._loss.bound * self._squares + beta, self._loss.bound)

    def _factored(self, beta: float, start: Place) -> Front:
        """Return the inverse of the second derivatives at a place, in half the digits.

        In coordinates in which the bounds are 1 these are digits enough: steps are exact anyway.
        """
        assert start.chance is not None
        lengths = 1 / np.sqrt(self._bounds(beta))
        scaled, single = copy.copy(self._inside), replace(start, chance=_single(start.chance))
        scaled.x, scaled.share = _single(self._inside.x * lengths), _single(self._loss.share)
        everything = np.ones((self._loss.outputs, len(lengths)), dtype=bool)
        matrix = scaled.curvature(single, Unknowns(everything, intercepts=False))
        diagonal = np.einsum("ii->i", matrix)
        own = np.append(beta * lengths[:-1] ** 2, _FLAT_INTERCEPT)
        diagonal += np.tile(own, self._loss.outputs)
        diagonal += _DAMPING * diagonal.max()
        triangle, failed = spotrf(matrix.T, lower=1, overwrite_a=1)
        if failed:
            return self._even(beta)
        scale = np.tile(lengths, self._loss.outputs)

        def front(vector: np.ndarray) -> np.ndarray:
            own = (vector * scale).astype(np.float32)
            strsv(triangle, own, lower=1, overwrite_x=1)
            strsv(triangle, own, lower=1, trans=1, overwrite_x=1)
            return own * scale

        return front


def _single(numbers: np.ndarray) -> np.ndarray:
    return np.asfortranarray(numbers, dtype=np.float32)
