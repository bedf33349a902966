"""L½, Σ √|w|: infinitely steep at zero."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from shrinkage.arrays import Array, library_of
from shrinkage.penalties.concave import ConcavePenalty, no_strength


@dataclass(frozen=True)
class LHalf(ConcavePenalty):
    """The bridge penalty Σ √|w|, whose prox is half thresholding.

    It jumps at every step: from 0 to the step^⅔ at |w| = 1.5·step^⅔. As it is infinitely steep at
    0, w = 0 is stationary at every strength.

    >>> import numpy as np
    >>> LHalf().prox(np.array([4.0, 1.5, -2.0]), 1.0).round(3)
    array([ 3.742,  0.   , -1.605])

    Source: Xu, Chang, Xu and Zhang, L1/2 regularization: a thresholding representation theory and
    a fast solver, IEEE TNNLS 23 (2012).
    """

    name: ClassVar[str] = "l-half"
    also_called: ClassVar[tuple[str, ...]] = ("l0.5", "half")
    formula: ClassVar[str] = "Σ √|w|"
    summary: ClassVar[str] = "more zeros, and large weights are shrunk less, than with L1"

    def longest_step(self) -> float:
        """Return 0: the prox jumps at every step."""
        return 0.0

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return 0: w = 0 is stationary at every strength."""
        return no_strength(gradient, stacked)

    def cost(self, size: Array, shape: Array) -> Array:  # noqa: ARG002
        """Return √|w|."""
        return library_of(size).sqrt(size)

    def slope(self, size: Array, shape: Array) -> Array:  # noqa: ARG002
        """Return 1/(2√|w|)."""
        return 0.5 / library_of(size).sqrt(size)

    def shrunk(self, size: Array, step: Array, shape: Array) -> Array:  # noqa: ARG002
        """Return ⅔·s·(1 + cos(⅔π − ⅔·arccos(step/4 · (s/3)^−1.5))), 0 up to 1.5·step^⅔."""
        library = library_of(size)
        angle = library.arccos(step / 4 * (size / 3) ** -1.5)
        u = size * (2 / 3) * (1 + library.cos(2 / 3 * (math.pi - angle)))
        return library.where(size <= 1.5 * step ** (2 / 3), library.zeros_like(size), u)
