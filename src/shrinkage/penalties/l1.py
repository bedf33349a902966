"""L1, the lasso penalty Σ|w|: exact zeros, one weight at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shrinkage.arrays import Array, floating_library, kept_where_zero, model_axes, per_model
from shrinkage.penalties.base import Combination, Penalty


@dataclass(frozen=True)
class L1(Penalty):
    """The L1 penalty Σ|w|; its prox is soft-thresholding.

    >>> import numpy as np
    >>> L1().prox(np.array([3.0, -0.5, -2.0]), 1.0)
    array([ 2.,  0., -1.])

    Source: Tibshirani, Regression shrinkage and selection via the lasso, JRSS B 58 (1996).
    """

    name: ClassVar[str] = "l1"
    also_called: ClassVar[tuple[str, ...]] = ("lasso",)
    formula: ClassVar[str] = "Σ|w|"
    summary: ClassVar[str] = "single weights become exactly zero"
    separable: ClassVar[bool] = True
    combines: ClassVar[Combination] = Combination.THRESHOLD

    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return Σ|w|.

        >>> import numpy as np
        >>> float(L1().value(np.array([3.0, -0.5])))
        3.5
        """
        library = floating_library(w)
        return library.sum(library.abs(w), model_axes(w, stacked))

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        """Return sign(w), 0 at 0.

        >>> import numpy as np
        >>> L1().gradient(np.array([3.0, 0.0, -2.0]))
        array([ 1.,  0., -1.])
        """
        library = floating_library(w)
        model_axes(w, stacked)
        return library.sign(w)

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        """Return w − clip(w, −step, step): soft-thresholding, whose zeros are +0.0.

        >>> import numpy as np
        >>> L1().prox(np.array([[3.0, -1.0], [3.0, -1.0]]), np.array([1.0, 2.0]), stacked=1)
        array([[2., 0.],
               [1., 0.]])
        """
        library = floating_library(w)
        threshold = per_model(step, w, stacked)
        with library.quiet():
            moved = w - library.clip(w, -threshold, threshold)
        return kept_where_zero(threshold, w, moved)

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return max|gradient|.

        >>> import numpy as np
        >>> float(L1().critical_strength(np.array([3.0, -4.0])))
        4.0
        """
        library = floating_library(gradient)
        return library.max(library.abs(gradient), model_axes(gradient, stacked))
