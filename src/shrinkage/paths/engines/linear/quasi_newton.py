"""Limited-memory BFGS about a first guess of the curvature.

Who uses this: `ridges`. SciPy's takes no such guess, and what it does around a step took as long as
the step itself on a table of a thousand rows.

Source: Nocedal and Wright, Numerical Optimization (2006), algorithms 7.4 and 3.1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shrinkage.paths.engines.linear.losses import Place

_MEMORY = 20
_ENOUGH = 1e-4  # of what the gradient promises
_ROUNDING = 1e-15
_HALVINGS = 30

Pairs = deque[tuple[np.ndarray, np.ndarray, float]]
"""Movements, what they changed of the gradient, and 1 over their products, the oldest first."""


@dataclass(frozen=True, eq=False)
class Point:
    """Numbers (n,), the objective there, its gradient (n,), and the place that they stand for."""

    numbers: np.ndarray
    value: float
    gradient: np.ndarray
    place: Place


@dataclass(frozen=True, eq=False)
class Descent:
    """Steps on a convex objective.

    Attributes:
        at: the point of some numbers.
        front: about the inverse of the second derivatives, times a vector.
        ends: whether a point will do, from it and from about how much is left to gain.
    """

    at: Callable[[np.ndarray], Point]
    front: Callable[[np.ndarray], np.ndarray]
    ends: Callable[[Point, float], bool]

    def minimized(self, point: Point, most: int) -> tuple[Point, int]:
        """Return where up to `most` steps lead, and how many they were."""
        pairs: Pairs = deque(maxlen=_MEMORY)
        for step in range(most):
            ahead = -self._bent(point.gradient, pairs)
            slope = float(ahead @ point.gradient)
            if self.ends(point, -0.5 * slope):
                return point, step
            moved = self._searched(point, ahead, slope)
            if moved is None:
                return point, step
            movement, change = moved.numbers - point.numbers, moved.gradient - point.gradient
            product = float(movement @ change)
            if product > 0:
                pairs.append((movement, change, 1 / product))
            point = moved
        return point, most

    def _bent(self, gradient: np.ndarray, pairs: Pairs) -> np.ndarray:
        """Return the inverse of the second derivatives, as far as the pairs know, times it."""
        left, shares = gradient.copy(), []
        for movement, change, over in reversed(pairs):
            share = over * float(movement @ left)
            left -= share * change
            shares.append(share)
        ahead = self.front(left)
        for (movement, change, over), share in zip(pairs, reversed(shares), strict=True):
            ahead += (share - over * float(change @ ahead)) * movement
        return ahead

    def _searched(self, point: Point, ahead: np.ndarray, slope: float) -> Point | None:
        """Return the first point that is enough better, the length halved again and again."""
        length, rounding = 1.0, _ROUNDING * abs(point.value)
        for _ in range(_HALVINGS):
            moved = self.at(point.numbers + length * ahead)
            if moved.value <= point.value + _ENOUGH * length * slope + rounding:
                return moved
            length *= 0.5
        return None
