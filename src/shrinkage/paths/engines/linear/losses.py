"""The data loss of one linear model: its value, gradient, second derivatives and dual.

Who uses this: the solver and the certificate. Inputs are centred, so that the intercept does not
pull on the weights; squared errors eliminate it, and the rows are replaced by the triangle of a QR
decomposition where there are more of them than columns. The numbers of a column are neighbours in
memory: second derivatives are made of few columns out of many.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.linalg.lapack import dgeqrf, dtrtrs  # pyright: ignore[reportAttributeAccessIssue]

from shrinkage.paths.engines.linear.norms import Norms

NUMBERS_AT_ONCE = 1 << 20
"""Of rows that are squared together: more would be another copy of tall inputs."""
MOST_KEPT = 1500
"""With up to so many columns all inner products of two of them are kept."""

_APART = 1e-3  # of the longest column: what another has at the least besides those before it


@dataclass(frozen=True, eq=False)
class Place:
    """Where a model stands: weights (outputs, inputs), intercepts (outputs,), and the loss there.

    `pull` (outputs, rows) is the derivative of the loss by the outputs, shares included.
    """

    weights: np.ndarray
    intercept: np.ndarray
    value: float
    pull: np.ndarray
    chance: np.ndarray | None = None  # of every class, (outputs, rows)

    def objective(self, norms: Norms) -> float:
        """Return the loss with a penalty; that with the last one asked for is kept."""
        if vars(self).get("_norms") is not norms:
            vars(self).update(_norms=norms, _objective=self.value + norms.value(self.weights))
        return vars(self)["_objective"]


@dataclass(frozen=True, eq=False)
class Unknowns:
    """Which weights move, (outputs, inputs) truths, and whether the intercepts do."""

    chosen: np.ndarray
    intercepts: bool

    @cached_property
    def columns(self) -> list[np.ndarray]:
        """Return the chosen inputs of every output."""
        return [np.flatnonzero(row) for row in self.chosen]

    @cached_property
    def count(self) -> int:
        """The number of weights that move."""
        return int(np.count_nonzero(self.chosen))

    def taken(self, weights: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return the numbers of weights and intercepts that move, one after the other."""
        own = weights[self.chosen]
        return np.concatenate([own, intercept]) if self.intercepts else own

    def put(self, vector: np.ndarray, outputs: int) -> tuple[np.ndarray, np.ndarray]:
        """Return such numbers as weights and intercepts, 0 elsewhere."""
        weights = np.zeros(self.chosen.shape)
        weights[self.chosen] = vector[: self.count]
        return weights, vector[self.count :] if self.intercepts else np.zeros(outputs)


class Loss(Protocol):
    """A convex loss of the outputs of a linear model; `center` is what inputs are less of."""

    x: np.ndarray
    center: np.ndarray
    share: np.ndarray
    outputs: int
    has_intercept: bool
    is_even: bool  # whether second derivatives stay of the order of their bound
    is_relative: bool  # whether what all outputs share changes nothing, as of classes

    def start(self) -> np.ndarray:
        """Return the intercepts of the best constant."""
        ...

    def at(self, weights: np.ndarray, intercept: np.ndarray) -> Place:
        """Return the loss at weights and intercepts."""
        ...

    def curve(self, place: Place, moved: np.ndarray) -> np.ndarray:
        """Return what the outputs' movement (outputs, rows) changes of the pull, to first order."""
        ...

    def curvature(self, place: Place, unknowns: Unknowns) -> np.ndarray:
        """Return the matrix of second derivatives by the unknowns, a new array."""
        ...

    def bend(self, place: Place) -> np.ndarray:
        """Return the second derivatives by the intercepts, (outputs, outputs)."""
        ...

    def dual(self, place: Place, scale: float) -> float:
        """Return the dual's part that does not depend on the penalty, at scale · (−pull)."""
        ...

    def intercept_of(self, weights: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return the intercepts of inputs that are not centred."""
        ...

    def separates(self, place: Place, below: float) -> bool:
        """Return whether a hyperplane separates the classes and the loss is almost 0."""
        ...

    @property
    def bound(self) -> float:
        """What no second derivative of a row by its outputs exceeds, over the row's share.

        Where the loss is not even there is no such bound, and this is the order of them.
        """
        ...


class Centred:
    """Inputs centred by their shares, beside which intercepts stay.

    Args:
        x: (rows, inputs).
        share: (rows,).
    """

    has_intercept = True
    is_relative = False

    def __init__(self, x: np.ndarray, share: np.ndarray) -> None:
        self.center = center_of(x, share)
        self.x: np.ndarray = np.empty(x.shape, order="F")
        self.share = share
        np.subtract(x, self.center, out=self.x)

    def intercept_of(self, weights: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return the intercepts of inputs that are not centred."""
        return intercept - weights @ self.center


class OneOutput(Centred, ABC):
    """One output, by which each row's loss bends by itself.

    Attributes:
        target: (rows,) numbers.
    """

    outputs = 1
    target: np.ndarray

    @abstractmethod
    def judged(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the losses (models,) of outputs (models, rows), pulls and chances of that shape.

        A loss is infinite beyond the largest number.
        """

    @abstractmethod
    def duals(self, chances: np.ndarray, scales: np.ndarray) -> np.ndarray:
        """Return the parts of the duals that do not depend on the penalty, (models,).

        Args:
            chances: (models, rows).
            scales: (models,) of the pulls.
        """

    def at(self, weights: np.ndarray, intercept: np.ndarray) -> Place:
        """Return the loss at weights (1, inputs)."""
        values, pull, chance = self.judged(outputs_of(self.x, weights) + intercept[:, None])
        return Place(weights, intercept, float(values[0]), pull, chance)

    def dual(self, place: Place, scale: float) -> float:
        """Return the dual's part that does not depend on the penalty, at scale · (−pull)."""
        assert place.chance is not None
        return float(self.duals(place.chance, np.array([scale]))[0])

    @abstractmethod
    def _bend(self, place: Place) -> np.ndarray:
        """Return the second derivative by each row's output, share included, (rows,)."""

    def curve(self, place: Place, moved: np.ndarray) -> np.ndarray:
        """Return the second derivatives times what the outputs move, (rows,)."""
        return self._bend(place) * moved

    def curvature(self, place: Place, unknowns: Unknowns) -> np.ndarray:
        """Return Σ bend x xᵀ by the unknowns."""
        (own,) = unknowns.columns
        roots = np.sqrt(self._bend(place))
        width = len(own) + unknowns.intercepts

        def of_rows(rows: slice) -> np.ndarray:
            inside = np.empty((width, len(roots[rows])), dtype=self.x.dtype)
            np.multiply(self.x[rows].T[own], roots[rows], out=inside[: len(own)])
            inside[len(own) :] = roots[rows]
            return squares_of(inside)

        return summed_over_rows(of_rows, len(roots), width)

    def bend(self, place: Place) -> np.ndarray:
        """Return Σ bend."""
        return self._bend(place).sum().reshape(1, 1)


class Squared:
    """½ Σ share (y − xw − b)², the intercept eliminated.

    Args:
        x: (rows, inputs).
        y: (rows,).
        share: (rows,) what a row counts.
    """

    outputs = 1
    has_intercept = False
    is_even = True
    is_relative = False
    bound = 1.0

    def __init__(self, x: np.ndarray, y: np.ndarray, share: np.ndarray) -> None:
        total = share.sum()
        self.center, self._y_center = center_of(x, share), float(share @ y / total)
        root = np.sqrt(share)
        both = np.empty((len(x), x.shape[1] + 1), order="F")
        self.x, self.target = both[:, :-1], both[:, -1]
        np.subtract(x, self.center, out=self.x)
        np.subtract(y, self._y_center, out=self.target)
        both *= root[:, None]
        self.rest, self._is_triangle = 0.0, len(both) > both.shape[1]
        if self._is_triangle:
            triangle = np.triu(dgeqrf(both, overwrite_a=1)[0][: both.shape[1]])
            self.x, self.target = np.asfortranarray(triangle[:-1, :-1]), triangle[:-1, -1]
            self.rest = 0.5 * float(triangle[-1, -1] ** 2)
        self.share = np.ones(len(self.x))  # the rows are weighed already

    def start(self) -> np.ndarray:
        """Return nothing to begin with: it is eliminated."""
        return np.zeros(1)

    def at(self, weights: np.ndarray, intercept: np.ndarray) -> Place:
        """Return the loss at weights (1, inputs)."""
        pull = outputs_of(self.x, weights)[0] - self.target
        return Place(weights, intercept, 0.5 * float(pull @ pull) + self.rest, pull[None])

    def curve(self, place: Place, moved: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Return the movement."""
        return moved

    def curvature(self, place: Place, unknowns: Unknowns) -> np.ndarray:  # noqa: ARG002
        """Return the inner products of the chosen columns."""
        (own,) = unknowns.columns
        if self.x.shape[1] > MOST_KEPT:
            return squares_of(self.x.T[own])
        return self.products.copy() if len(own) == self.x.shape[1] else self.products[own][:, own]

    @cached_property
    def products(self) -> np.ndarray:
        """Return the inner products of all columns."""
        return squares_of(self.x.T)

    @cached_property
    def _moment(self) -> np.ndarray:
        return self.x.T @ self.target

    def least(self) -> np.ndarray | None:
        """Return the weights (inputs,) of the least loss, where the triangle tells them well."""
        size = np.abs(np.einsum("ii->i", self.x)) if self._is_triangle else np.zeros(1)
        return dtrtrs(self.x, self.target)[0] if size.min() > _APART * size.max() else None

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        """Return the gradient at weights (inputs,), from the inner products."""
        return self.products @ weights - self._moment

    def bend(self, place: Place) -> np.ndarray:  # noqa: ARG002
        """Return the sum of the shares."""
        return np.array([[float(len(self.x))]])

    def dual(self, place: Place, scale: float) -> float:
        """Return ½‖t‖² − ½‖t − θ‖² with θ = scale · residual, and what no weight explains."""
        theta = -scale * place.pull[0]
        return float(theta @ self.target - 0.5 * theta @ theta) + self.rest

    def intercept_of(self, weights: np.ndarray, intercept: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Return the intercept of inputs that are not centred."""
        return self._y_center - weights @ self.center

    def separates(self, place: Place, below: float) -> bool:  # noqa: ARG002
        """Return no: there are no classes."""
        return False


def center_of(x: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return the means of the columns by shares; that of a constant column is its number.

    Less what rounding leaves of it: else such a column would get a weight of about 1e-16.
    """
    center = share @ x / share.sum()
    alike = np.flatnonzero(x[0] == x[-1])
    alike = alike[(x[:, alike] == x[0, alike]).all(axis=0)]
    center[alike] = x[0, alike]
    return center


def outputs_of(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return weights · xᵀ, (outputs, rows), by the columns that have a weight if they are few."""
    if x.shape[1] > 200:
        there = np.flatnonzero(weights.any(axis=0))
        if 3 * len(there) < x.shape[1]:
            return weights[:, there] @ x.T[there]
    return weights @ x.T


def squares_of(rows: np.ndarray) -> np.ndarray:
    """Return rows · rowsᵀ: NumPy sees that it is symmetric, and does half of the work."""
    return rows @ rows.T


def summed_over_rows(part: Callable[[slice], np.ndarray], rows: int, width: int) -> np.ndarray:
    """Return the sum of what blocks of rows give, of which none takes a copy of tall inputs.

    Args:
        part: what some rows give.
        rows: how many there are.
        width: numbers that a row takes.

    >>> summed_over_rows(lambda rows: np.ones(3)[rows].sum(keepdims=True), 3, 1)
    array([3.])
    """
    at_once = max(1, NUMBERS_AT_ONCE // max(1, width))
    total = part(slice(0, at_once))
    for start in range(at_once, rows, at_once):
        total += part(slice(start, start + at_once))
    return total
