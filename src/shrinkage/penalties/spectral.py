"""Functions of singular values: a layer's array as a matrix, taken apart and put together.

Who uses this: the nuclear norm, the rank and the two orthogonalities. The matrix has the output
units as rows, and inputs times kernel as columns, so that a convolution is flattened as in im2col.
In one step for all weights their prox acts on the singular values alone. In a diagonal metric, as
Adam's, it has no closed form and no one-dimensional root, and the best matrix of a rank is NP-hard
to find (Gillis and Glineur, SIAM J. Matrix Anal. Appl. 32, 2011): steps that differ are refused.
Each prox costs one singular value decomposition a matrix, about 20·m²·n operations for m ≤ n; a
schedule such as `Every(20)` takes it in every twentieth step only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from shrinkage.arrays import Array, Axes, library_of, model_axes, positive_zeros
from shrinkage.errors import InputError
from shrinkage.penalties.group_lasso import checked_axes

NO_METRIC = (
    "it has no closed form in a diagonal metric; use update='decoupled', whose step "
    "is the same for all weights, SGD, or update='gradient' or 'loss' where it is finite"
)


@dataclass(frozen=True, eq=False)
class Matrices:
    """The matrix of every model, (*models, m, n), zero in `lost` models, which are not finite."""

    values: Array
    lost: Array
    order: Axes
    shape: tuple[int, ...]

    @classmethod
    def of(cls, w: Array, rows: Axes | None, stacked: int) -> Matrices:
        """Return the matrices of an array, at least in float32.

        Args:
            w: array of shape (*models, *weights).
            rows: the axes of one model whose indices number the rows; None: the first.
            stacked: how many leading axes run over models.

        Raises:
            InputError: axes that one model's array has not.
        """
        library, own = library_of(w), model_axes(w, stacked)
        wide = library.wide(w)
        first, rest = _split(rows, own, tuple(w.shape[stacked:]))
        order = (*range(stacked), *first, *rest)
        one = library.zeros_like(wide) + 1
        finite = library.abs(wide) < math.inf  # NaN is not
        lost = library.max(library.where(finite, 0 * one, one), own, keepdims=True) > 0
        clean = library.where(lost, library.zeros_like(wide), wide)
        clean = clean if order == tuple(range(w.ndim)) else library.transpose(clean, order)
        height = math.prod(w.shape[axis] for axis in first)
        width = math.prod(w.shape[axis] for axis in rest)
        values = library.reshape(clean, (*tuple(w.shape[:stacked]), height, width))
        return cls(values, lost, order, tuple(w.shape))

    def array(self, values: Array) -> Array:
        """Return other matrices as the array, NaN in lost models."""
        library, order = library_of(values), self.order
        moved = library.reshape(values, tuple(self.shape[axis] for axis in order))
        if order != tuple(range(len(order))):
            back = tuple(sorted(range(len(order)), key=order.__getitem__))
            moved = library.transpose(moved, back)
        return library.where(self.lost, library.cast(math.nan, moved), positive_zeros(moved))

    def number(self, each: Array, axes: int = 1) -> Array:
        """Return the sum over the last axes, one number a model, NaN of lost ones."""
        library = library_of(each)
        total = library.sum(each, tuple(range(each.ndim - axes, each.ndim)))
        lost = library.reshape(self.lost, tuple(total.shape))
        return library.where(lost, library.cast(math.nan, total), total)

    def transposed(self) -> Array:
        """Return the matrices with rows and columns exchanged."""
        count = self.values.ndim
        return library_of(self.values).transpose(
            self.values, (*range(count - 2), count - 1, count - 2)
        )

    def factored(self) -> Factored:
        """Return the singular value decomposition.

        >>> import numpy as np
        >>> Matrices.of(np.array([[3.0, 0.0], [0.0, -4.0]]), None, 0).factored().sizes
        array([4., 3.])
        """
        return Factored(*library_of(self.values).svd(self.values), matrices=self)


@dataclass(frozen=True, eq=False)
class Factored:
    """w = u · diag(sizes) · vᵀ of every model, the sizes descending.

    Shapes: u (*models, m, r), sizes (*models, r), vt (*models, r, n), r = min(m, n).
    """

    u: Array
    sizes: Array
    vt: Array
    matrices: Matrices

    @property
    def longest(self) -> int:
        """How many rows or columns there are, whichever is more."""
        return max(self.u.shape[-2], self.vt.shape[-1])

    @property
    def cutoff(self) -> Array:
        """The size of each model up to which a singular value is zero to rounding."""
        return self.sizes[..., :1] * (self.longest * library_of(self.sizes).epsilon(self.sizes))

    def rebuilt(self, sizes: Array) -> Array:
        """Return the array with other singular values."""
        return self.matrices.array((self.u * sizes[..., None, :]) @ self.vt)

    def number(self, each: Array) -> Array:
        """Return the sum over singular values, one number a model."""
        return self.matrices.number(each)


def factored(w: Array, rows: Axes | None, stacked: int) -> Factored:
    """Return the singular value decomposition of each model's matrix; see `Matrices.of`."""
    return Matrices.of(w, rows, stacked).factored()


def _split(rows: Axes | None, own: Axes, shape: tuple[int, ...]) -> tuple[Axes, Axes]:
    """Return the axes of rows and those of columns."""
    index = (0,) * min(1, len(own)) if rows is None else rows
    if any(not -len(own) <= axis < len(own) for axis in index):
        raise InputError(
            f"expected an array whose rows are along the axes {index}, got one model's shape "
            f"{shape}: leave rows out for the output units, or give axes that are there"
        )
    first = tuple(own[axis] for axis in index)
    return first, tuple(axis for axis in own if axis not in first)


def rows_of(rows: Axes | None, output_axis: int | None) -> Axes | None:
    """Return the axes of rows for a layout: those asked for, else the output units'."""
    return rows if rows is not None or output_axis is None else (output_axis,)


def checked_rows(rows: Any) -> Axes | None:
    """Return the axes of rows as a tuple, or say what they are."""
    return None if rows is None else checked_axes(rows)


def step_of_matrix(steps: Array, w: Array, stacked: int, penalty: Any) -> Array:
    """Return one step a matrix, to use with singular values of shape (*models, r).

    Args:
        steps: what `per_model` made of the step.
        w: the weights.
        stacked: how many leading axes run over models.
        penalty: whose step it is, for the message.

    Raises:
        InputError: steps that differ within a matrix.
    """
    if steps.ndim == 0:
        return steps
    if any(steps.shape[axis] != 1 for axis in model_axes(w, stacked)):
        raise InputError(
            f"expected one step for all weights of a matrix for {penalty!r}, got one for each "
            f"weight, as of an optimizer that adapts: {NO_METRIC}"
        )
    return library_of(steps).reshape(steps, (*tuple(steps.shape[:stacked]), 1))
