"""Max-norm: no group of weights is longer than a radius."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from shrinkage.arrays import Array, Axes, library_of, model_axes, norm, per_model
from shrinkage.checks import positive
from shrinkage.penalties.constraint import Constraint
from shrinkage.penalties.group_lasso import GroupLasso
from shrinkage.penalties.options import option
from shrinkage.penalties.secular import ball_projection


@dataclass(frozen=True, repr=False)
class MaxNorm(Constraint):
    """The constraint ‖w_g‖ ≤ radius/strength for every group g of weights.

    `1.0 * MaxNorm(radius=3.0)` is the max-norm of the literature on the weights into each unit; a
    path over strengths divides the radius. In a diagonal metric it is w/(1 + μ·step), with the root
    μ for each group.

    Args:
        radius: the longest that a group may be at strength 1.
        per: what one group is: an "output" unit, an "input" unit or the "layer".
        axes: instead of `per`, the axes that index groups.
        strength: of the shape; terms set it by `at`.

    Raises:
        InputError: a radius that is not above 0, or bad groups.

    >>> import numpy as np
    >>> MaxNorm(radius=1.0).prox(np.array([[3.0, 4.0], [0.3, 0.4]]), 1.0)
    array([[0.6, 0.8],
           [0.3, 0.4]])

    Source: Srebro and Shraibman, Rank, trace-norm and max-norm, COLT (2005); as a projection after
    each step Srivastava et al., Dropout, JMLR 15 (2014).
    """

    radius: float = field(default=1.0, metadata=option("longest group at strength 1"))
    per: str = field(
        default="output", metadata=option("what one group is", choices=("output", "input", "layer"))
    )
    axes: Axes | None = field(default=None, metadata=option("axes that index groups"))
    strength: Any = field(default=1.0, repr=False)

    name: ClassVar[str] = "max-norm"
    also_called: ClassVar[tuple[str, ...]] = ("maxnorm",)
    formula: ClassVar[str] = "‖w_g‖ ≤ radius/strength"
    summary: ClassVar[str] = "a constraint: no unit's weights are longer than a radius"

    def __post_init__(self) -> None:
        object.__setattr__(self, "radius", positive(self.radius, "radius", "3 is usual"))
        GroupLasso(None if self.axes is not None else self.per, self.axes)

    def at(self, strength: Any) -> MaxNorm:
        """Return it with the radius divided by a strength."""
        return replace(self, strength=strength)

    def with_axes(self, input_axis: int | None, output_axis: int | None) -> MaxNorm:
        """Return it with `per` resolved to axes of a layer's array."""
        return replace(self, axes=self._group.with_axes(input_axis, output_axis).axes)

    def coupled_axes(self, ndim: int) -> Axes:
        """Return the axes within a group."""
        return self._group.coupled_axes(ndim)

    def excess(self, w: Array, stacked: int) -> Array:
        """Return the largest norm relative to the radius, less 1."""
        library = library_of(w)
        axes, _ = self._group.within(w, stacked)
        longest = norm(w, axes, keepdims=True) / self._radius(w, stacked)
        return library.max(longest, model_axes(w, stacked)) - 1

    def projected(self, w: Array, step: Array, stacked: int) -> Array:
        """Return each group within the ball of the radius."""
        axes, _ = self._group.within(w, stacked)
        return ball_projection(w, step, self._radius(w, stacked), axes)

    @property
    def _group(self) -> GroupLasso:
        return GroupLasso(None if self.axes is not None else self.per, self.axes)

    def _radius(self, w: Array, stacked: int) -> Array:
        return self.radius / per_model(self.strength, w, stacked)
