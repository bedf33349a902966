"""L2, the ridge penalty ½Σw²: weight decay, whose gradient is w itself."""

from __future__ import annotations

import math
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
from shrinkage.penalties.base import Combination, Penalty


@dataclass(frozen=True)
class L2(Penalty):
    """The L2 penalty ½Σw²; its prox divides by 1 + step.

    >>> import numpy as np
    >>> L2().prox(np.array([3.0, -1.0]), 1.0)
    array([ 1.5, -0.5])

    Source: Hoerl and Kennard, Ridge regression, Technometrics 12 (1970).
    """

    name: ClassVar[str] = "l2"
    also_called: ClassVar[tuple[str, ...]] = ("ridge", "weight-decay", "tikhonov")
    formula: ClassVar[str] = "½ Σ w²"
    summary: ClassVar[str] = "weights shrink, none becomes exactly zero"
    smooth: ClassVar[bool] = True
    separable: ClassVar[bool] = True
    combines: ClassVar[Combination] = Combination.RIDGE

    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return ½Σw².

        >>> import numpy as np
        >>> float(L2().value(np.array([3.0, 4.0])))
        12.5
        """
        library = floating_library(w)
        with library.quiet():
            return library.sum(w * w * library.cast(0.5, w), model_axes(w, stacked))

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        """Return w (a copy).

        >>> import numpy as np
        >>> L2().gradient(np.array([3.0, -4.0]))
        array([ 3., -4.])
        """
        library = floating_library(w)
        model_axes(w, stacked)
        return library.copy(w)

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        """Return w / (1 + step).

        >>> import numpy as np
        >>> L2().prox(np.array([3.0, -4.0]), np.array([2.0, 1.0]))
        array([ 1., -2.])
        """
        library = floating_library(w)
        factor = per_model(step, w, stacked)
        with library.quiet():
            moved = positive_zeros(w / (1 + factor))
        return kept_where_zero(factor, w, moved)

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return inf: no finite strength makes w = 0 stationary (0 if the gradient is 0).

        >>> import numpy as np
        >>> float(L2().critical_strength(np.array([3.0, -4.0])))
        inf
        """
        library = floating_library(gradient)
        largest = library.max(library.abs(gradient), model_axes(gradient, stacked))
        return library.where(largest > 0, library.cast(math.inf, largest), largest)
