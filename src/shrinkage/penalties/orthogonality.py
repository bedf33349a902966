"""Orthogonality: the singular values of a layer's matrix are one, nearly or exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from shrinkage.arrays import Array, Axes, floating_library, kept_where_zero, library_of, per_model
from shrinkage.penalties.base import Combination, Penalty, words_of
from shrinkage.penalties.constraint import Constraint
from shrinkage.penalties.l2 import L2
from shrinkage.penalties.options import option
from shrinkage.penalties.spectral import (
    Matrices,
    checked_rows,
    factored,
    rows_of,
    step_of_matrix,
)

_NEWTON = 60  # only a triple root, σ = 0 at a step of 1, needs them all


@dataclass(frozen=True, repr=False)
class SoftOrthogonality(Penalty):
    """Soft orthogonality ¼ ‖WᵀW − I‖²_F, which is ¼ Σ (σ² − 1)² of the singular values.

    W is (outputs, inputs · kernel); of its two Gram matrices the smaller is meant: a tall W has
    orthonormal columns where it is zero, a wide one orthonormal rows. (The larger one adds a
    constant and has the same gradient W·(WᵀW − I).) It is smooth, so that `decoupled` needs no
    decomposition; Ω(0) is not 0, it pulls no weight to zero, and it is not convex. The prox solves
    a cubic for each singular value, with one step for all weights; in the metric of Adam it has no
    closed form, which is refused: `gradient` and `decoupled` work with every optimizer.

    Args:
        rows: the axes of one model's array that number the rows; None: the output units.

    Raises:
        InputError: axes that are no distinct whole numbers.

    >>> import numpy as np
    >>> float(SoftOrthogonality().value(np.array([[2.0, 0.0], [0.0, 1.0]])))
    2.25
    >>> SoftOrthogonality().gradient(np.array([[2.0, 0.0], [0.0, 1.0]]))
    array([[6., 0.],
           [0., 0.]])

    Source: Bansal, Chen and Wang, Can we gain more from orthogonality regularizations in training
    deep CNNs?, NeurIPS (2018), whose ‖WᵀW − I‖²_F is four times this.
    """

    rows: Axes | None = field(default=None, metadata=option("axes of rows", variants=((-1,),)))

    name: ClassVar[str] = "soft-orthogonality"
    also_called: ClassVar[tuple[str, ...]] = ("orthogonality", "orthogonal-regularization")
    formula: ClassVar[str] = "¼ ‖WᵀW − I‖²"
    summary: ClassVar[str] = "singular values are pulled to one"
    smooth: ClassVar[bool] = True
    convex: ClassVar[bool] = False
    diagonal: ClassVar[bool] = False
    zero_at_zero: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", checked_rows(self.rows))

    def longest_step(self) -> float:
        """Return 1: beyond it a singular value of 0 goes to ±√(1 − 1/step)."""
        return 1.0

    def __repr__(self) -> str:
        return words_of(self)

    def with_axes(self, input_axis: int | None, output_axis: int | None) -> SoftOrthogonality:  # noqa: ARG002
        """Return it with the output units as rows, unless others were asked for."""
        return replace(self, rows=rows_of(self.rows, output_axis))

    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return ¼ Σ (σ² − 1)² over the min(outputs, inputs · kernel) singular values."""
        library = floating_library(w)
        with library.quiet():
            matrices = Matrices.of(w, self.rows, stacked)
            gap = _gram(matrices)
            return library.cast(matrices.number(gap * gap / 4, 2), w)

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        """Return W·(WᵀW − I)."""
        library = floating_library(w)
        with library.quiet():
            matrices = Matrices.of(w, self.rows, stacked)
            own, gap = matrices.values, _gram(matrices)
            slope = gap @ own if own.shape[-2] <= own.shape[-1] else own @ gap
            return library.cast(matrices.array(slope), w)

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        """Return the matrix whose singular values are the largest roots of x³ − x + (x − σ)/step.

        >>> import numpy as np
        >>> SoftOrthogonality().prox(np.array([[2.0, 0.0], [0.0, 1.0]]), 1.0).round(4)
        array([[1.2599, 0.    ],
               [0.    , 1.    ]])
        """
        library = floating_library(w)
        steps = per_model(step, w, stacked)
        own = library.wide(step_of_matrix(steps, w, stacked, self))
        with library.quiet():
            parts = factored(w, self.rows, stacked)
            moved = parts.rebuilt(_largest_root(parts.sizes, own))
        return kept_where_zero(steps, w, library.cast(moved, w))

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return inf: ∂Ω(0) is 0, so that no strength holds against a gradient."""
        return L2().critical_strength(gradient, stacked)


def _gram(matrices: Matrices) -> Array:
    """Return the smaller of WᵀW − I and W·Wᵀ − I."""
    own, turned = matrices.values, matrices.transposed()
    product = own @ turned if own.shape[-2] <= own.shape[-1] else turned @ own
    return product - library_of(own).cast(np.eye(product.shape[-1]), own)


def _largest_root(size: Array, step: Array) -> Array:
    """Return the largest root of x³ + (1/step − 1)·x − size/step, by Newton from its right."""
    linear, free = 1 / step - 1, size / step
    x = 1 + free ** (1 / 3)  # there x³ ≥ x + free, and the cubic is convex and rising from here
    for _ in range(_NEWTON):
        x = (2 * x * x * x + free) / (3 * x * x + linear)
    return x


@dataclass(frozen=True, repr=False)
class Orthogonal(Constraint):
    """The constraint that a layer's matrix is semi-orthogonal: all its singular values are one.

    W is (outputs, inputs · kernel); a tall one has orthonormal columns, WᵀW = I, a wide one
    orthonormal rows, W·Wᵀ = I. Any strength above 0 is the same. The projection is the polar factor
    U·Vᵀ; of a matrix that lacks rank it is not unique, and one of the nearest is taken. In the
    metric of Adam it has no closed form, which is refused: `update="decoupled"` works with every
    optimizer.

    Args:
        rows: the axes of one model's array that number the rows; None: the output units.

    Raises:
        InputError: axes that are no distinct whole numbers.

    >>> import numpy as np
    >>> Orthogonal().prox(np.array([[0.0, -3.0], [0.5, 0.0]]), 1.0)
    array([[ 0., -1.],
           [ 1.,  0.]])

    Source: Fan and Hoffman, Some metric inequalities in the space of matrices, Proc. AMS 6 (1955);
    Higham, Functions of matrices (2008), chapter 8.
    """

    rows: Axes | None = field(default=None, metadata=option("axes of rows", variants=((-1,),)))

    name: ClassVar[str] = "orthogonal"
    also_called: ClassVar[tuple[str, ...]] = ("orthonormal", "stiefel")
    formula: ClassVar[str] = "WᵀW = I, or W·Wᵀ = I of a wide W"
    summary: ClassVar[str] = "a constraint: all singular values are one"
    convex: ClassVar[bool] = False
    diagonal: ClassVar[bool] = False
    zero_at_zero: ClassVar[bool] = False
    combines: ClassVar[Combination] = Combination.ALONE

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", checked_rows(self.rows))

    def longest_step(self) -> float:
        """Return 0: where a singular value passes zero the projection jumps, whatever the step."""
        return 0.0

    def with_axes(self, input_axis: int | None, output_axis: int | None) -> Orthogonal:  # noqa: ARG002
        """Return it with the output units as rows, unless others were asked for."""
        return replace(self, rows=rows_of(self.rows, output_axis))

    def excess(self, w: Array, stacked: int) -> Array:
        """Return how far a singular value is from one, by what rounding leaves in such a matrix."""
        library, parts = library_of(w), factored(w, self.rows, stacked)
        gap = library.abs(parts.sizes - 1) / math.sqrt(parts.longest)
        return parts.number(library.max(gap, (gap.ndim - 1,), keepdims=True))

    def projected(self, w: Array, step: Array, stacked: int) -> Array:
        """Return the polar factor."""
        step_of_matrix(step, w, stacked, self)
        parts = factored(w, self.rows, stacked)
        return parts.rebuilt(library_of(w).zeros_like(parts.sizes) + 1)
