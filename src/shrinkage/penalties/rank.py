"""Rank: a layer's matrix has at most so many singular values that are not zero."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from shrinkage.arrays import Array, Axes, library_of, per_model
from shrinkage.checks import number, whole
from shrinkage.penalties.base import Combination
from shrinkage.penalties.constraint import Constraint
from shrinkage.penalties.options import option
from shrinkage.penalties.spectral import (
    Matrices,
    checked_rows,
    factored,
    rows_of,
    step_of_matrix,
)


@dataclass(frozen=True, repr=False)
class Rank(Constraint):
    """The constraint that a layer's matrix has rank at most fraction/strength of the full one.

    `1.0 * Rank(keep=8)` keeps the 8 largest singular values of every layer that it is on, and a
    strength s at most 1/s of them, one at least. The matrix is (outputs, inputs · kernel). The
    nearest matrix of a rank is unique where the next singular value is smaller; of equal ones those
    that the decomposition gives first stay. In the metric of Adam it is NP-hard to find, which is
    refused: `update="decoupled"` works with every optimizer.

    Args:
        keep: how many singular values stay at strength 1; 0: the fraction says it.
        fraction: the share of min(outputs, inputs · kernel) that stays at strength 1.
        rows: the axes of one model's array that number the rows; None: the output units.
        strength: of the shape; terms set it by `at`.

    Raises:
        InputError: a fraction that is not above 0 and at most 1, or more to keep than there are.

    >>> import numpy as np
    >>> Rank(keep=1).prox(np.array([[3.0, 0.0], [0.0, 1.0]]), 1.0)
    array([[3., 0.],
           [0., 0.]])

    Source: Eckart and Young, The approximation of one matrix by another of lower rank,
    Psychometrika 1 (1936); Mirsky, Quart. J. Math. 11 (1960).
    """

    keep: int = field(
        default=0,
        metadata=option("singular values that stay at strength 1; 0: fraction", variants=(2,)),
    )
    fraction: float = field(
        default=1.0, metadata=option("share that stays at strength 1", variants=(0.7,))
    )
    rows: Axes | None = field(default=None, metadata=option("axes of rows", variants=((-1,),)))
    strength: Any = field(default=1.0, repr=False)

    name: ClassVar[str] = "rank"
    also_called: ClassVar[tuple[str, ...]] = ("low-rank",)
    formula: ClassVar[str] = "number of σ ≠ 0 ≤ fraction/strength of all"
    summary: ClassVar[str] = "a constraint: the largest singular values of a layer stay"
    convex: ClassVar[bool] = False
    diagonal: ClassVar[bool] = False
    combines: ClassVar[Combination] = Combination.ALONE

    def __post_init__(self) -> None:
        share = number(self.fraction, "fraction", above=0, most=1, hint="0.25 keeps a quarter")
        object.__setattr__(self, "fraction", share)
        object.__setattr__(self, "keep", whole(self.keep, "keep", 0, hint="0: as fraction says"))
        object.__setattr__(self, "rows", checked_rows(self.rows))

    def longest_step(self) -> float:
        """Return 0: which direction stays jumps, whatever the step."""
        return 0.0

    def at(self, strength: Any) -> Rank:
        """Return it with the rank divided by a strength."""
        return replace(self, strength=strength)

    def with_axes(self, input_axis: int | None, output_axis: int | None) -> Rank:  # noqa: ARG002
        """Return it with the output units as rows, unless others were asked for."""
        return replace(self, rows=rows_of(self.rows, output_axis))

    def surplus(self, shape: tuple[int, ...]) -> str:
        """Return it where there are fewer singular values than are to stay."""
        count = min(Matrices.of(np.zeros(shape), self.rows, 0).values.shape[-2:])
        return f"keep={self.keep} of {count} singular values" if self.keep > count else ""

    def excess(self, w: Array, stacked: int) -> Array:
        """Return by how much the rank, to rounding, is above what may stay, relative to the full.

        A matrix of more rows and columns has larger rounding errors, which its cutoff follows.
        """
        library, parts = library_of(w), factored(w, self.rows, stacked)
        one = library.zeros_like(parts.sizes) + 1
        used = parts.number(library.where(parts.sizes > 4 * parts.cutoff, one, 0 * one))
        most = library.reshape(self._most(parts.sizes, stacked)[..., 0], tuple(used.shape))
        return (used - most) / parts.sizes.shape[-1]

    def projected(self, w: Array, step: Array, stacked: int) -> Array:
        """Return the matrix of the largest singular values."""
        step_of_matrix(step, w, stacked, self)
        library, parts = library_of(w), factored(w, self.rows, stacked)
        most = self._most(parts.sizes, stacked)
        places = library.cast(list(range(parts.sizes.shape[-1])), parts.sizes)
        return parts.rebuilt(
            library.where(places < most, parts.sizes, library.zeros_like(parts.sizes))
        )

    def _most(self, sizes: Array, stacked: int) -> Array:
        """Return how many singular values stay, (*models, 1)."""
        library, count = library_of(sizes), sizes.shape[-1]
        strength = per_model(self.strength, sizes, stacked)
        most = library.floor(float(self.keep or self.fraction * count) / strength + 1e-6)
        most = library.where(most >= 1, most, library.zeros_like(most) + 1)
        return most + library.zeros_like(sizes[..., :1])
