"""Sparse group lasso: whole units vanish, and single weights within those that stay."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from shrinkage.arrays import Array, Axes, floating_library, model_axes, scaled_by_largest
from shrinkage.checks import fraction
from shrinkage.penalties.base import Penalty
from shrinkage.penalties.group_lasso import PER, GroupLasso
from shrinkage.penalties.l1 import L1
from shrinkage.penalties.options import option
from shrinkage.penalties.secular import sparse_group_critical
from shrinkage.penalties.weighted_sum import WeightedSum


@dataclass(frozen=True, repr=False)
class SparseGroupLasso(WeightedSum):
    """The sparse group lasso l1_ratio·Σ|w| + (1 − l1_ratio)·Σ_g √|g| ‖w_g‖.

    Its prox is soft-thresholding, then the group lasso's, in any diagonal metric.

    Args:
        l1_ratio: the share of L1, 0 (group lasso alone) to 1 (L1 alone).
        per: what one group is, as in `GroupLasso`; so are the next two.
        axes: instead of `per`, the axes that index groups.
        groups: a label for each unit along that one axis.

    Raises:
        InputError: `l1_ratio` is not a number from 0 to 1, or bad groups.

    >>> import numpy as np
    >>> w = np.array([[3.0, 0.4], [0.2, 0.4]])
    >>> SparseGroupLasso(0.5, per="input").prox(w, 1.0).round(3)
    array([[1.793, 0.   ],
           [0.   , 0.   ]])

    Source: Simon, Friedman, Hastie and Tibshirani, A sparse-group lasso, J. Comput. Graph. Stat.
    22 (2013).
    """

    l1_ratio: float = field(
        default=0.05,
        metadata=option("share of L1, from 0 (groups alone) to 1 (L1 alone)", variants=(0.5,)),
    )
    per: str | None = field(default=None, metadata=option("what one group is", choices=tuple(PER)))
    axes: Axes | None = field(default=None, metadata=option("axes that index groups"))
    groups: tuple[int, ...] | None = field(
        default=None, metadata=option("which units are a group", variants=((0, 1, 0),))
    )

    name: ClassVar[str] = "sparse-group-lasso"
    also_called: ClassVar[tuple[str, ...]] = ("sgl",)
    formula: ClassVar[str] = "l1_ratio·L1 + (1 − l1_ratio)·GroupLasso"
    summary: ClassVar[str] = "whole units become exactly zero, and single weights in the others"

    def __post_init__(self) -> None:
        ratio = fraction(self.l1_ratio, "l1_ratio", hint="0 is groups alone, 1 is L1 alone")
        group = GroupLasso(self.per, self.axes, self.groups)
        for name, value in (("l1_ratio", ratio), ("per", group.per), ("groups", group.groups)):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"SparseGroupLasso({self.l1_ratio!r}, {repr(self._group).partition('(')[2]}"

    def parts(self) -> tuple[tuple[float, Penalty], ...]:
        """Return ((l1_ratio, L1()), (1 − l1_ratio, GroupLasso(…))) without parts of weight 0."""
        both = ((self.l1_ratio, L1()), (1.0 - self.l1_ratio, self._group))
        return tuple((weight, penalty) for weight, penalty in both if weight > 0)

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return the largest λ over the groups with ‖soft(g, λ·l1_ratio)‖ = λ·(1 − l1_ratio)·√|g|.

        >>> import numpy as np
        >>> g = np.array([0.0, 6.0, 0.0, 8.0])
        >>> print(f"{float(SparseGroupLasso(0.5, per='layer').critical_strength(g)):.4f}")
        5.8997
        """
        if self.groups is not None:
            return self._group.largest_of_blocks(
                gradient,
                stacked,
                lambda block, axes: SparseGroupLasso(self.l1_ratio, axes=axes).critical_strength(
                    block, stacked
                ),
            )
        library = floating_library(gradient)
        axes, root_size = self._group.within(gradient, stacked)
        wide = library.wide(gradient)
        with library.quiet():
            scaled, scale = scaled_by_largest(wide, model_axes(wide, stacked))
            by_group = scale * sparse_group_critical(scaled, self.l1_ratio, root_size, axes)
            largest = library.max(by_group, model_axes(wide, stacked))
        return library.cast(largest, gradient)

    def with_axes(self, input_axis: int | None, output_axis: int | None) -> SparseGroupLasso:
        """Return it with `per` resolved to axes of a layer's array."""
        return self._with(self._group.with_axes(input_axis, output_axis))

    def with_unit_groups(self, axis: int, labels: Sequence[Hashable]) -> SparseGroupLasso:
        """Return it with these groups where it has one group per unit of that axis."""
        return self._with(self._group.with_unit_groups(axis, labels))

    def of_units(self, axis: int, chosen: Sequence[int]) -> SparseGroupLasso:
        """Return it with the labels of some units, where they lie along that axis."""
        return self._with(self._group.of_units(axis, chosen))

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise where axes are not there, or labels are for another number of units."""
        self._group.check_shape(shape)

    def coupled_axes(self, ndim: int) -> Axes:
        """Return the axes within a group."""
        return self._group.coupled_axes(ndim)

    @property
    def _group(self) -> GroupLasso:
        return GroupLasso(None if self.axes is not None else self.per, self.axes, self.groups)

    def _with(self, group: GroupLasso) -> SparseGroupLasso:
        return replace(self, per=group.per, axes=group.axes, groups=group.groups)
