"""Several targets at once: the losses of one output each, side by side on the same inputs.

Who uses this: where groups hold weights of several targets, so that none can be solved alone. By
the promises of `losses.Loss`: second derivatives by weights of two targets are 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.linalg import block_diag

from shrinkage.paths.engines.linear.classes import Logistic
from shrinkage.paths.engines.linear.losses import Place, Squared, Unknowns

OneTarget = Squared | Logistic
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Places(Place):
    """Where the model of every target stands, and all of them together."""

    each: tuple[Place, ...] = ()


class SideBySide:
    """Σ of losses of one output each, whose inputs are the same.

    Args:
        losses: one a target, all of a kind.
    """

    is_relative = False

    def __init__(self, losses: Sequence[OneTarget]) -> None:
        self._losses, first = tuple(losses), losses[0]
        self.x, self.center, self.share = first.x, first.center, first.share
        self.has_intercept, self.is_even = first.has_intercept, first.is_even
        self.outputs, self.bound = len(losses), first.bound
        for loss in losses[1:]:
            loss.x = first.x  # the same numbers, kept once

    def start(self) -> np.ndarray:
        """Return the intercepts of the best constants."""
        return np.concatenate([loss.start() for loss in self._losses])

    def at(self, weights: np.ndarray, intercept: np.ndarray) -> Places:
        """Return the loss at weights (targets, inputs)."""
        own = zip(self._losses, weights, intercept, strict=True)
        each = tuple(loss.at(row[None], at[None]) for loss, row, at in own)
        pull = np.concatenate([place.pull for place in each])
        return Places(weights, intercept, sum(place.value for place in each), pull, None, each)

    def curve(self, place: Place, moved: np.ndarray) -> np.ndarray:
        """Return what the outputs' movement changes of the pull, target by target."""
        rows = iter(moved)
        return np.vstack(self._of_each(place, lambda loss, own: loss.curve(own, next(rows))))

    def curvature(self, place: Place, unknowns: Unknowns) -> np.ndarray:
        """Return the second derivatives: blocks of the weights of a target, then intercepts."""
        rows = iter(unknowns.chosen)
        blocks = self._of_each(
            place,
            lambda loss, own: loss.curvature(own, Unknowns(next(rows)[None], unknowns.intercepts)),
        )
        if not unknowns.intercepts:
            return np.asarray(block_diag(*blocks))
        inner, last = [b[:-1, :-1] for b in blocks], [b[-1:, -1:] for b in blocks]
        matrix = np.asarray(block_diag(*inner, *last))
        ends = np.cumsum([len(block) - 1 for block in blocks])
        for place_of, (block, end) in enumerate(zip(blocks, ends, strict=True), start=ends[-1]):
            own = slice(end - len(block) + 1, end)
            matrix[own, place_of] = matrix[place_of, own] = block[-1, :-1]
        return matrix

    def bend(self, place: Place) -> np.ndarray:
        """Return the second derivatives by the intercepts."""
        return np.asarray(block_diag(*self._of_each(place, lambda loss, own: loss.bend(own))))

    def dual(self, place: Place, scale: float) -> float:
        """Return the sum of the duals' parts."""
        return sum(self._of_each(place, lambda loss, own: loss.dual(own, scale)))

    def intercept_of(self, weights: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        """Return the intercepts of inputs that are not centred."""
        own = zip(self._losses, weights, intercept, strict=True)
        return np.concatenate([loss.intercept_of(row[None], at[None]) for loss, row, at in own])

    def separates(self, place: Place, below: float) -> bool:
        """Return whether a hyperplane separates the two sides of every label."""
        return all(self._of_each(place, lambda loss, own: loss.separates(own, below)))

    def _of_each(self, place: Place, take: Callable[[OneTarget, Place], T]) -> list[T]:
        assert isinstance(place, Places)
        return [take(loss, own) for loss, own in zip(self._losses, place.each, strict=True)]
