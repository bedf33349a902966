"""Constraints: Ω is 0 on a set of weights that contains 0, and inf outside.

Who uses this: non-negativity, max-norm, cardinality and N:M patterns. The prox is the projection
onto the set in the optimizer's metric, after every step, so that the weights are in the set at all
times; no bound on how far a prox may bring a weight holds it back. A strength has no price to
multiply: it divides the size of the set (a radius, a number of weights), 0 is no constraint, and a
path goes from a large set to a small one. "loss" and "gradient" have nothing to add: refused.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from shrinkage.arrays import (
    Array,
    floating_library,
    kept_where_zero,
    model_axes,
    per_model,
    positive_zeros,
)
from shrinkage.penalties.base import Combination, Penalty, words_of

_ROUNDING = 16.0  # in units of the dtype's epsilon: a projected weight is in the set


@dataclass(frozen=True, repr=False)
class Constraint(Penalty):
    """A set that contains 0 and, of every point, the smaller multiples."""

    finite: ClassVar[bool] = False
    combines: ClassVar[Combination] = Combination.GROUP

    @abstractmethod
    def excess(self, w: Array, stacked: int) -> Array:
        """Return for each model how far it is outside: at most 0 inside; 0.1 is 10 % too much."""

    @abstractmethod
    def projected(self, w: Array, step: Array, stacked: int) -> Array:
        """Return argmin over u of the set of Σ (u − w)²/(2 step); `step` broadcasts to `w`."""

    def __repr__(self) -> str:
        return words_of(self)

    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return 0 in the set, to rounding, and inf outside; an array of no weights is in it."""
        library = floating_library(w)
        axes = model_axes(w, stacked)
        if 0 in w.shape[stacked:]:
            return library.sum(w, axes)
        wide = library.wide(w)
        with library.quiet():
            excess = self.excess(wide, stacked)
            inside = library.where(excess == excess, library.zeros_like(excess), excess)
            outside = library.cast(math.inf, excess)
            value = library.where(excess > _ROUNDING * library.epsilon(w), outside, inside)
        return library.cast(value, w)

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise where the set makes no sense: more to keep than there is, axes that are not."""
        self.value(np.zeros(shape))

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        """Return 0, the least-norm element of the normal cone; NaN where the weight is."""
        library = floating_library(w)
        model_axes(w, stacked)
        return library.where(w == w, library.zeros_like(w), w)

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        """Return the projection in the metric of the steps, the same whatever their unit."""
        library = floating_library(w)
        steps = per_model(step, w, stacked)
        wide = library.wide(w)
        with library.quiet():
            moved = positive_zeros(self.projected(wide, library.cast(steps, wide), stacked))
        return kept_where_zero(steps, w, library.cast(moved, w))

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return inf: in no set of a size above 0 is w = 0 stationary (0 if the gradient is 0)."""
        library = floating_library(gradient)
        largest = library.max(library.abs(gradient), model_axes(gradient, stacked))
        return library.where(largest > 0, library.cast(math.inf, largest), largest)
