"""Walks of a bare optimizer from one start, and one parameter along them.

Who uses this: `measure` asks for walks; each framework has a `Walker`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from shrinkage.audits.measuring.fits import Fit, fit

Array = Any
Walk = Mapping[str, Sequence[Array]]  # weights before each step and after the last, in float64


class Walker(Protocol):
    """Steps a bare copy of an optimizer from one start, always with the same gradients."""

    def walk(
        self,
        steps: int,
        *,
        in_groups: Mapping[str, float] | None = None,
        in_gradient: Mapping[str, float] | None = None,
        rate: float = 1.0,
        noisy: bool = False,
    ) -> Walk:
        """Return the weights of every parameter along a walk.

        Args:
            steps: how many.
            in_groups: λ by parameter, set as the optimizer's own decay; absent ones have 0.
            in_gradient: λ by parameter; λ·w is added to the gradient at every step.
            rate: multiplies the learning rates.
            noisy: step with random gradients, of the size of the data's.
        """
        ...

    def rate_of(self, name: str) -> float:
        """Return the learning rate of a parameter, 1 where there is none."""
        ...

    def rounding_of(self, name: str) -> float:
        """Return the machine epsilon of a parameter's weights."""
        ...


@dataclass(frozen=True, eq=False)
class Walked:
    """One parameter along three walks: without decay, with λ in the groups, with λw joined.

    Args:
        plain: weights of the walk without decay.
        decayed: of the one with the optimizer's own decay.
        joined: of the one with λw in the gradient; None where it was not needed.
        shrink: learning rate × λ.
        rounding: machine epsilon of the weights.
    """

    plain: Sequence[Array]
    decayed: Sequence[Array]
    joined: Sequence[Array] | None
    shrink: float
    rounding: float

    @property
    def steps(self) -> int:
        """The number of steps."""
        return len(self.plain) - 1

    @property
    def is_plain(self) -> bool:
        """Whether the decay changed nothing, not even a bit."""
        pairs = zip(self.plain, self.decayed, strict=True)
        return all(np.array_equal(plain, decayed) for plain, decayed in pairs)

    @property
    def is_finite(self) -> bool:
        """Whether all weights are numbers."""
        walks = (self.plain, self.decayed, self.joined or ())
        return all(bool(np.isfinite(w).all()) for walk in walks for w in walk)

    def increment(self, step: int) -> Array:
        """Return what the decay did in one step, from 1, beside what happened without it."""
        with_it = self.decayed[step] - self.decayed[step - 1]
        return with_it - (self.plain[step] - self.plain[step - 1])

    def beside(self, step: int) -> Array:
        """Return −lr·λ·w at the weights before a step: what a decoupled decay does in it."""
        return -self.shrink * self.decayed[step - 1]

    def behind(self, step: int) -> Array:
        """Return −lr·λ·w at the weights that the step has moved: a decay that comes after it."""
        return -self.shrink * (self.decayed[step - 1] + self.plain[step] - self.plain[step - 1])

    def implicit(self, step: int) -> Array:
        """Return what w ← moved / (1 + lr·λ) does, a decay by the weights after both."""
        return self.behind(step) / (1 + self.shrink)

    def fit_step(self, step: int, predicted: Array) -> Fit:
        """Return how a predicted increment agrees with the measured one."""
        return fit(self.increment(step), predicted, self._bound(step - 1, step))

    def fit_place(self, step: int, predicted: Array) -> Fit:
        """Return how a predicted displacement since the start agrees with the measured one."""
        return fit(self.decayed[step] - self.plain[step], predicted, step * self._bound(0, step))

    def _bound(self, first: int, last: int) -> Array:
        """Return what rounding can have done between two places."""
        sizes = [np.abs(walk[last]) for walk in (self.plain, self.decayed)]
        moves = [np.abs(walk[last] - walk[first]) for walk in (self.plain, self.decayed)]
        return self.rounding * (sum(sizes) + 4 * sum(moves))
