"""The nuclear norm, the sum of a layer's singular values: its matrix loses rank."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from shrinkage.arrays import Array, Axes, floating_library, kept_where_zero, per_model
from shrinkage.penalties.base import Penalty, words_of
from shrinkage.penalties.options import option
from shrinkage.penalties.spectral import (
    Factored,
    checked_rows,
    factored,
    rows_of,
    step_of_matrix,
)


@dataclass(frozen=True, repr=False)
class NuclearNorm(Penalty):
    """The nuclear (trace) norm Σ σ of the singular values of a layer's matrix.

    The matrix is (outputs, inputs · kernel). The prox takes the step off every singular value, so
    that small ones become zero: the layer loses rank, while single weights do not become zero. Its
    step is one for all weights; in the metric of Adam there is no closed form, which is refused:
    `update="decoupled"` works with every optimizer.

    Args:
        rows: the axes of one model's array that number the rows; None: the output units.

    Raises:
        InputError: axes that are no distinct whole numbers.

    >>> import numpy as np
    >>> w = np.array([[3.0, 0.0], [0.0, 1.0]])
    >>> float(NuclearNorm().value(w))
    4.0
    >>> NuclearNorm().prox(w, 1.5)
    array([[1.5, 0. ],
           [0. , 0. ]])

    Source: Cai, Candès and Shen, A singular value thresholding algorithm for matrix completion,
    SIAM J. Optim. 20 (2010); the subgradient is Watson, Characterization of the subdifferential of
    some matrix norms, Linear Algebra Appl. 170 (1992).
    """

    rows: Axes | None = field(default=None, metadata=option("axes of rows", variants=((-1,),)))

    name: ClassVar[str] = "nuclear-norm"
    also_called: ClassVar[tuple[str, ...]] = ("nuclear", "trace-norm")
    formula: ClassVar[str] = "Σ σ, the singular values"
    summary: ClassVar[str] = "a layer's matrix loses rank"
    diagonal: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", checked_rows(self.rows))

    def __repr__(self) -> str:
        return words_of(self)

    def with_axes(self, input_axis: int | None, output_axis: int | None) -> NuclearNorm:  # noqa: ARG002
        """Return it with the output units as rows, unless others were asked for.

        >>> NuclearNorm().with_axes(0, 1)
        NuclearNorm(rows=(1,))
        """
        return replace(self, rows=rows_of(self.rows, output_axis))

    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return Σ σ."""
        parts, cast = self._factored(w, stacked), floating_library(w).cast
        return cast(parts.number(parts.sizes), w)

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        """Return U·Vᵀ over the singular values that are not zero to rounding."""
        library, parts = floating_library(w), self._factored(w, stacked)
        one = library.zeros_like(parts.sizes) + 1
        return library.cast(
            parts.rebuilt(library.where(parts.sizes > parts.cutoff, one, 0 * one)), w
        )

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        """Return U·diag(max(0, σ − step))·Vᵀ."""
        library = floating_library(w)
        steps = per_model(step, w, stacked)
        threshold = library.wide(step_of_matrix(steps, w, stacked, self))
        parts = self._factored(w, stacked)
        with library.quiet():
            shrunk = library.where(
                parts.sizes > threshold, parts.sizes - threshold, library.zeros_like(parts.sizes)
            )
            moved = parts.rebuilt(shrunk)
        return kept_where_zero(steps, w, library.cast(moved, w))

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return the largest singular value of the gradient.

        >>> import numpy as np
        >>> float(NuclearNorm().critical_strength(np.array([[3.0, 0.0], [0.0, -4.0]])))
        4.0
        """
        parts, cast = self._factored(gradient, stacked), floating_library(gradient).cast
        return cast(parts.number(parts.sizes[..., :1]), gradient)

    def _factored(self, w: Array, stacked: int) -> Factored:
        library = floating_library(w)
        with library.quiet():
            return factored(w, self.rows, stacked)
