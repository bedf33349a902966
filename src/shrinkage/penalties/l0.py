"""L0, the number of weights that are not zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shrinkage.arrays import Array, library_of
from shrinkage.penalties.concave import ConcavePenalty, no_strength


@dataclass(frozen=True)
class L0(ConcavePenalty):
    """The number of weights that are not zero; its prox is hard thresholding at √(2 step).

    What stays is not shrunk at all. It jumps at every step, w = 0 is stationary at every strength,
    and its gradient is 0 wherever it has one: with the updates "loss" and "gradient" it does
    nothing. One strength is one price for a weight in every layer, where `Cardinality` fixes how
    many stay in each.

    >>> import numpy as np
    >>> L0().prox(np.array([2.0, -1.5, 0.5]), 1.0)
    array([ 2. , -1.5,  0. ])
    >>> float(L0().value(np.array([2.0, 0.0, 0.5])))
    2.0

    Source: Blumensath and Davies, Iterative thresholding for sparse approximations, J. Fourier
    Anal. Appl. 14 (2008).
    """

    name: ClassVar[str] = "l0"
    also_called: ClassVar[tuple[str, ...]] = ("hard-threshold",)
    formula: ClassVar[str] = "number of w ≠ 0"
    summary: ClassVar[str] = "zeros, and what stays is not shrunk"

    def longest_step(self) -> float:
        """Return 0: the prox jumps at every step."""
        return 0.0

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return 0: w = 0 is stationary at every strength."""
        return no_strength(gradient, stacked)

    def cost(self, size: Array, shape: Array) -> Array:  # noqa: ARG002
        """Return 1 for every magnitude above 0."""
        library = library_of(size)
        counted = library.where(size > 0, library.zeros_like(size) + 1, library.zeros_like(size))
        return library.where(size == size, counted, size)  # NaN stays

    def slope(self, size: Array, shape: Array) -> Array:  # noqa: ARG002
        """Return 0, NaN where the weight is."""
        library = library_of(size)
        return library.where(size == size, library.zeros_like(size), size)

    def shrunk(self, size: Array, step: Array, shape: Array) -> Array:  # noqa: ARG002
        """Return the magnitude itself where it is above √(2 step)."""
        library = library_of(size)
        return library.where(size <= library.sqrt(2 * step), library.zeros_like(size), size)
