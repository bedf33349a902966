"""Limited-memory BFGS about a first guess of the curvature.

Who uses this: `ridges`. SciPy's takes no such guess, and what it does around a step took as long as
the step itself on a table of a thousand rows.

Source: Nocedal and Wright, Numerical Optimization (2006), algorithms 7.4 and 3.1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from shrinkage.paths.engines.linear.losses import Place

_MEMORY = 5
_ENOUGH = 1e-4  # of what the gradient promises
_ROUNDING = 1e-15
_HALVINGS = 30


@dataclass(frozen=True, eq=False)
class Pair:
    """A movement, what it changed of the gradient, the front of that, and 1 over their product."""

    movement: np.ndarray
    change: np.ndarray
    bent: np.ndarray
    over: float


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
        pairs: deque[Pair] = deque(maxlen=_MEMORY)
        bent = self.front(point.gradient)
        for step in range(most):
            ahead = -_inverse(point.gradient, bent, pairs)
            slope = float(ahead @ point.gradient)
            if self.ends(point, -0.5 * slope):
                return point, step
            moved = self._searched(point, ahead, slope)
            if moved is None:
                return point, step
            movement, change = moved.numbers - point.numbers, moved.gradient - point.gradient
            before, bent = bent, self.front(moved.gradient)
            product = float(movement @ change)
            if product > 0:
                pairs.append(Pair(movement, change, bent - before, 1 / product))
            point = moved
        return point, most

    def _searched(self, point: Point, ahead: np.ndarray, slope: float) -> Point | None:
        """Return the first point that is enough better, the length halved again and again."""
        length, rounding = 1.0, _ROUNDING * abs(point.value)
        for _ in range(_HALVINGS):
            moved = self.at(point.numbers + length * ahead)
            if moved.value <= point.value + _ENOUGH * length * slope + rounding:
                return moved
            length *= 0.5
        return None


def _inverse(gradient: np.ndarray, bent: np.ndarray, pairs: Sequence[Pair]) -> np.ndarray:
    """Return the inverse of the second derivatives, as far as the pairs know, times the gradient.

    Args:
        gradient: (n,).
        bent: the front of it; it is linear, so that of what is left follows.
        pairs: the oldest first.
    """
    if not pairs:
        return bent
    left, bent, shares = gradient.copy(), bent.copy(), []
    for pair in reversed(pairs):
        share = pair.over * float(pair.movement @ left)
        left -= share * pair.change
        bent -= share * pair.bent
        shares.append(share)
    bent /= pairs[-1].over * float(pairs[-1].change @ pairs[-1].bent)  # the length of the last step
    for pair, share in zip(pairs, reversed(shares), strict=True):
        bent += (share - pair.over * float(pair.change @ bent)) * pair.movement
    return bent
