"""Penalties Σ ρ(|w|) whose ρ grows ever slower: zeros without shrinking what is large.

Who uses this: MCP, SCAD, log-sum, L½ and L0, which say what ρ, ρ′ and the prox of one magnitude
are; signs, models, dtypes and diverged weights are dealt with here. All are separable, so a
diagonal metric needs nothing more. None is convex: a step longer than `longest_step` makes a prox
with two minima, of which the lower one is taken, and the smaller at a tie.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from shrinkage.arrays import (
    Array,
    floating_library,
    kept_where_zero,
    model_axes,
    per_model,
    positive_zeros,
)
from shrinkage.penalties.base import Penalty


@dataclass(frozen=True)
class ConcavePenalty(Penalty):
    """Σ ρ(|w|) with ρ(0) = 0, concave and increasing, and of slope 1 at 0 unless it says more."""

    convex: ClassVar[bool] = False
    separable: ClassVar[bool] = True

    @abstractmethod
    def cost(self, size: Array, shape: Array) -> Array:
        """Return ρ of magnitudes; `shape` is the strength that the shape belongs to."""

    @abstractmethod
    def slope(self, size: Array, shape: Array) -> Array:
        """Return ρ′ of magnitudes above 0."""

    @abstractmethod
    def shrunk(self, size: Array, step: Array, shape: Array) -> Array:
        """Return argmin over u ≥ 0 of (u − size)²/(2 step) + ρ(u), of finite magnitudes."""

    @abstractmethod
    def longest_step(self) -> Any:
        """Return the step up to which the prox is single-valued; 0 where it jumps at every one."""

    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return Σ ρ(|w|)."""
        library = floating_library(w)
        axes, wide = model_axes(w, stacked), library.wide(w)
        with library.quiet():
            shape = self._shape(wide, stacked)
            each = self.cost(library.abs(wide), shape)
            each = library.where(shape > 0, each, library.zeros_like(wide))  # 0/0 at strength 0
            return library.cast(library.sum(each, axes), w)

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        """Return ρ′(|w|)·sign(w), 0 at 0."""
        library = floating_library(w)
        model_axes(w, stacked)
        wide = library.wide(w)
        with library.quiet():
            shape = self._shape(wide, stacked)
            signed = library.sign(wide) * self.slope(library.abs(wide), shape)
            flat = (wide == 0) | (shape == 0)
            signed = library.where(flat, library.zeros_like(wide), signed)
        return library.cast(signed, w)

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        """Return the lower minimum for each weight, zeros +0.0."""
        library = floating_library(w)
        steps = per_model(step, w, stacked)
        wide = library.wide(w)
        size = library.abs(wide)
        with library.quiet():
            shrunk = self.shrunk(size, library.cast(steps, wide), self._shape(wide, stacked))
            shrunk = library.where(shrunk < size, shrunk, size)  # rounding, and diverged weights
            moved = positive_zeros(library.sign(wide) * shrunk)
        return kept_where_zero(steps, w, library.cast(moved, w))

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return max|gradient|: at 0 it is as steep as L1."""
        library = floating_library(gradient)
        return library.max(library.abs(gradient), model_axes(gradient, stacked))

    def _shape(self, w: Array, stacked: int) -> Array:
        """Return the strength of the shape, broadcastable to `w`."""
        return per_model(getattr(self, "strength", 1.0), w, stacked)


def lower_of_zero_and(u: Array, size: Array, step: Array, cost: Array) -> Array:
    """Return u where (u − size)²/(2 step) + cost lies below size²/(2 step), else 0.

    >>> import numpy as np
    >>> lower_of_zero_and(np.array([2.0]), np.array([2.0]), np.array(1.0), np.array([1.0]))
    array([2.])
    """
    library = floating_library(size)
    gain = u / step * (size - 0.5 * u)  # what leaving 0 saves in the first term
    return library.where(gain <= cost, library.zeros_like(size), u)  # NaN of an infinite u


def no_strength(gradient: Array, stacked: int = 0) -> Array:
    """Return 0 for each model, NaN where it has diverged: what is infinitely steep at 0 needs none.

    >>> import numpy as np
    >>> no_strength(np.array([3.0, -4.0]))
    array(0.)
    """
    library = floating_library(gradient)
    largest = library.max(library.abs(gradient), model_axes(gradient, stacked))
    return library.where(largest == largest, library.zeros_like(largest), largest)
