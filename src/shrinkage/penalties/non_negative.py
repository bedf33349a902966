"""Non-negativity, w ≥ 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from shrinkage.arrays import Array, floating_library, library_of, model_axes
from shrinkage.penalties.constraint import Constraint


@dataclass(frozen=True, repr=False)
class NonNegative(Constraint):
    """The constraint w ≥ 0; its prox sets negative weights to 0, in every metric.

    The set has no size, so that every strength above 0 is the same. With L1 it is one-sided
    soft-thresholding.

    >>> import numpy as np
    >>> NonNegative().prox(np.array([3.0, -0.5]), 1.0)
    array([3., 0.])

    Source: Parikh and Boyd, Proximal algorithms (2014), 6.2.
    """

    name: ClassVar[str] = "non-negative"
    also_called: ClassVar[tuple[str, ...]] = ("nonneg", "positive")
    formula: ClassVar[str] = "w ≥ 0"
    summary: ClassVar[str] = "a constraint: negative weights become zero"
    separable: ClassVar[bool] = True

    def excess(self, w: Array, stacked: int) -> Array:
        """Return 1 where a weight is negative."""
        library = library_of(w)
        none = library.zeros_like(w)
        below = library.where(w < 0, none + 1, library.where(w == w, none, w))  # NaN stays
        return library.max(below, model_axes(w, stacked))

    def projected(self, w: Array, step: Array, stacked: int) -> Array:  # noqa: ARG002
        """Return max(w, 0)."""
        library = library_of(w)
        return library.where(w <= 0, library.zeros_like(w), w)

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return 0 where no gradient asks for a positive weight, else inf."""
        library = floating_library(gradient)
        asks = library.max(self.projected(-gradient, gradient, 0), model_axes(gradient, stacked))
        return library.where(asks > 0, library.cast(math.inf, asks), asks)
