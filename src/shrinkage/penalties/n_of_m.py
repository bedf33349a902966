"""N:M patterns: of every M weights in a row, N stay."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from shrinkage.arrays import Array, Axes, library_of, model_axes
from shrinkage.checks import whole
from shrinkage.errors import InputError
from shrinkage.penalties.constraint import Constraint
from shrinkage.penalties.group_lasso import BARE_INPUT_AXIS
from shrinkage.penalties.options import option


@dataclass(frozen=True, repr=False)
class NOfM(Constraint):
    """The constraint that of every `of` neighbours along the inputs at most `stay` are not zero.

    2 of 4 is what sparse tensor cores multiply. The set has no size, so that every strength above 0
    is the same. In a metric the largest are those of w²/step. It is not convex.

    Args:
        stay: how many of a row may stay.
        of: the length of a row; the number of inputs is a multiple of it.
        axes: the axis along which rows lie, instead of that of the inputs.

    Raises:
        InputError: numbers that are no pattern, or an array that it does not divide.

    >>> import numpy as np
    >>> NOfM(2, 4).prox(np.array([[3.0, -0.5, -2.0, 1.0]]), 1.0)
    array([[ 3.,  0., -2.,  0.]])

    Source: Mishra et al., Accelerating sparse deep neural networks, arXiv:2104.08378 (2021).
    """

    stay: int = field(default=2, metadata=option("how many of a row may stay", variants=(1,)))
    of: int = field(default=4, metadata=option("length of a row along the inputs"))
    axes: Axes | None = field(default=None, metadata=option("axis of the rows"))

    name: ClassVar[str] = "n-of-m"
    also_called: ClassVar[tuple[str, ...]] = ("2:4", "semi-structured")
    formula: ClassVar[str] = "at most N of M neighbours ≠ 0"
    summary: ClassVar[str] = "a constraint: of every M weights along the inputs, N stay"
    convex: ClassVar[bool] = False
    example_shapes: ClassVar[tuple[tuple[int, ...], ...]] = ((3, 4), (2, 4, 2))

    def __post_init__(self) -> None:
        of = whole(self.of, "of", 2, hint="4 is usual")
        object.__setattr__(self, "of", of)
        object.__setattr__(self, "stay", whole(self.stay, "stay", 1, most=of - 1))

    def longest_step(self) -> float:
        """Return 0: which weights stay jumps, whatever the step."""
        return 0.0

    def with_axes(self, input_axis: int | None, output_axis: int | None) -> NOfM:  # noqa: ARG002
        """Return it with rows along the inputs of a layer's array."""
        if self.axes is not None:
            return self
        if input_axis is None:
            raise InputError(
                "expected a parameter with an input axis for NOfM, got one without, or of a layer "
                "whose axes are not known: select other parameters, or give axes=(…,)"
            )
        return replace(self, axes=(input_axis,))

    def coupled_axes(self, ndim: int) -> Axes:
        """Return the axis of the rows."""
        return ((self.axes or (BARE_INPUT_AXIS,))[0] % ndim,)

    def excess(self, w: Array, stacked: int) -> Array:
        """Return by how many more weights than may stay some row has, relative to `of`."""
        library, axis = library_of(w), self._axis(w, stacked)
        rows = self._rows(library.abs(w), axis)
        zero = library.zeros_like(rows)
        uses = library.where(rows == rows, library.where(rows > 0, zero + 1, zero), rows)
        used = library.sum(uses, (axis + 1,))
        return (library.max(used, tuple(range(stacked, used.ndim))) - self.stay) / self.of

    def projected(self, w: Array, step: Array, stacked: int) -> Array:
        """Return the `stay` weights of each row with the largest w²/step, and 0 for the others."""
        library, axis = library_of(w), self._axis(w, stacked)
        size = library.abs(w) / library.sqrt(step)
        score = self._rows(library.where(w == 0, library.zeros_like(size), size), axis)
        score = library.where(score < math.inf, score, self._rows(library.abs(w), axis))
        own = [library.take(score, np.array([place]), axis + 1) for place in range(self.of)]
        kept = []
        for place, mine in enumerate(own):
            before = zero = library.zeros_like(mine)  # of equal ones the first stay
            for other, its in enumerate(own):
                ahead = its >= mine if other < place else its > mine
                if other != place:
                    before = before + library.where(ahead, zero + 1, zero)
            kept.append(before)
        order = library.reshape(library.concatenate(kept, axis + 1), tuple(w.shape))
        moved = library.where(order < self.stay, w, library.zeros_like(w))
        return library.where(w == w, moved, w)

    def _rows(self, w: Array, axis: int) -> Array:
        """Return the array with the axis cut into (rows, of)."""
        shape = tuple(w.shape)
        rows = shape[axis] // self.of
        return library_of(w).reshape(w, (*shape[:axis], rows, self.of, *shape[axis + 1 :]))

    def _axis(self, w: Array, stacked: int) -> int:
        own = model_axes(w, stacked)
        index = (self.axes or (BARE_INPUT_AXIS,))[0]
        length = w.shape[own[index]] if -len(own) <= index < len(own) else None
        if length is None or length % self.of:
            raise InputError(
                f"expected a multiple of {self.of} along axis {index} for {self!r}, got one "
                f"model's shape {tuple(w.shape[stacked:])}: choose another pattern"
            )
        return own[index]
