"""SCAD, smoothly clipped absolute deviation: L1 up to λ, flat beyond γ·λ."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from shrinkage.arrays import Array, library_of
from shrinkage.checks import number
from shrinkage.penalties.concave import ConcavePenalty
from shrinkage.penalties.options import option


@dataclass(frozen=True)
class SCAD(ConcavePenalty):
    """Σ ρ(|w|) with ρ′ = 1 up to λ, (γλ − |w|)/((γ − 1)λ) up to γλ, 0 beyond.

    λ is the strength of the term, so that λ·Ω is the SCAD of the literature and its knees lie at λ
    and γλ. Its prox is single-valued for steps below (γ − 1)λ: a learning rate (in the metric)
    below γ − 1. At longer ones it takes the lower of the two minima.

    Args:
        gamma: γ, above 2; a in the literature.
        strength: λ of the shape; terms set it by `at`.

    Raises:
        InputError: `gamma` is no number above 2.

    >>> import numpy as np
    >>> SCAD(gamma=4.0).at(1.0).prox(np.array([5.0, 3.0, 1.5, 0.5]), 1.0)
    array([5. , 2.5, 0.5, 0. ])

    Source: Fan and Li, Variable selection via nonconcave penalized likelihood, JASA 96 (2001),
    with a = 3.7 from there.
    """

    gamma: float = field(
        default=3.7,
        metadata=option("where it becomes flat, in strengths", variants=(2.5,)),
    )
    strength: Any = field(default=1.0, repr=False)

    name: ClassVar[str] = "scad"
    also_called: ClassVar[tuple[str, ...]] = ("smoothly-clipped",)
    formula: ClassVar[str] = "Σ ρ(|w|): ρ′ = 1 up to λ, falls to 0 at γλ"
    summary: ClassVar[str] = "zeros, and weights beyond γ·strength are not shrunk"

    def __post_init__(self) -> None:
        gamma = number(self.gamma, "gamma", above=2.0, hint="3.7 is usual")
        object.__setattr__(self, "gamma", gamma)

    def at(self, strength: Any) -> SCAD:
        """Return it with its knees at strength and γ·strength."""
        return replace(self, strength=strength)

    def longest_step(self) -> Any:
        """Return (γ − 1)λ."""
        return (self.gamma - 1) * self.strength

    def cost(self, size: Array, shape: Array) -> Array:
        """Return |w| up to λ, less (|w| − λ)²/(2(γ − 1)λ) up to γλ, (γ + 1)λ/2 beyond."""
        library, knee = library_of(size), shape * self.gamma
        inside = library.clip(size, -knee, knee)
        beyond = inside - library.clip(inside, -shape, shape)
        return inside - beyond / ((self.gamma - 1) * shape) * beyond / 2

    def slope(self, size: Array, shape: Array) -> Array:
        """Return 1 up to λ, (γλ − |w|)/((γ − 1)λ) up to γλ, 0 beyond."""
        library, knee = library_of(size), shape * self.gamma
        inside = library.clip(size, -knee, knee)
        beyond = inside - library.clip(inside, -shape, shape)
        return 1 - beyond / ((self.gamma - 1) * shape)

    def shrunk(self, size: Array, step: Array, shape: Array) -> Array:
        """Return the one stationary point, or the lower minimum where the step is too long."""
        library, knee = library_of(size), shape * self.gamma
        longest = (self.gamma - 1) * shape
        soft = size - library.clip(size, -step, step)
        between = soft + (soft - shape) * (step / (longest - step))
        single = library.where(size > shape + step, between, soft)
        single = library.where(size > knee, size, single)
        # Of a longer step the middle has no minimum: it is below λ, or the weight itself.
        near = library.clip(soft, -shape, shape)
        away = (size - near) / step * (size - near) / 2
        stays = self.cost(size, shape) - near < away
        return library.where(step < longest, single, library.where(stays, size, near))
