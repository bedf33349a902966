"""Group lasso, Σ_g √|g| ‖w_g‖: whole units vanish together."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from shrinkage.arrays import (
    Array,
    Axes,
    floating_library,
    kept_where_zero,
    model_axes,
    norm,
    per_model,
    scaled_by_largest,
)
from shrinkage.errors import InputError, near_names
from shrinkage.penalties.base import Combination, Penalty
from shrinkage.penalties.options import option
from shrinkage.penalties.secular import group_prox_closed, group_prox_diagonal
from shrinkage.penalties.unit_blocks import UnitBlocks, numbered

# The word → the axes that index groups, from the layer's (input axis, output axis).
PER: dict[str, Callable[[int | None, int | None], tuple[int | None, ...]]] = {
    "input": lambda input_axis, _: (input_axis,),
    "output": lambda _, output_axis: (output_axis,),
    "layer": lambda *_: (),
}
_ELSEWHERE = {
    "head": "a head lies in several parameters: shrinkage.pytorch.shrink_units with the units of "
    "coupled_units(model, x) whose is_head is True, or BlockLasso('64x0') for heads of 64",
    "channel": "a channel of a convolution is its 'output', or an 'input' of what reads it",
}
BARE_INPUT_AXIS, BARE_OUTPUT_AXIS = 1, 0  # PyTorch's layout, (out, in, *kernel)


def checked_axes(axes: Any) -> Axes:
    """Return axes as a tuple of distinct whole numbers, or say what they are."""
    integers = isinstance(axes, (tuple, list)) and all(
        isinstance(axis, int) and not isinstance(axis, bool) for axis in axes
    )
    if not integers or len(set(axes)) != len(axes):
        raise InputError(
            f"expected axes as distinct whole numbers that index groups, got {axes!r}: "
            "give for example axes=(0,) for one group per row"
        )
    return tuple(axes)


def _check_groups(groups: Any, per: str | None, axes: Any) -> tuple[int, ...]:
    if per == "layer" or (axes is not None and len(checked_axes(axes)) != 1):
        raise InputError(
            "expected groups of units along one axis, got them for "
            f"{'per=' + repr(per) if axes is None else 'axes=' + repr(axes)}: use per='input'"
        )
    try:
        labels = () if isinstance(groups, str) else numbered(groups)
    except TypeError:
        labels = ()
    if not labels:
        raise InputError(
            f"expected groups as one label for each unit, got {groups!r}: give for example "
            "groups=(0, 0, 1)"
        )
    return labels


@dataclass(frozen=True, repr=False)
class GroupLasso(Penalty):
    """The group lasso Σ_g √|g| ‖w_g‖, |g| being the number of weights in group g.

    Args:
        per: one group per "input" unit (the default), per "output" unit, or per "layer". An array
            without a known layout is taken as PyTorch's (out, in, *kernel).
        axes: instead of `per`, the axes of one model's array that index groups.
        groups: a label for each unit along that one axis: units with equal labels are one group,
            whose √|g| counts the weights of all of them. None: every unit is a group.

    Raises:
        InputError: an unknown word, both `per` and `axes`, axes that are no distinct ints, or
            groups along no axis or several.

    >>> import numpy as np
    >>> w = np.array([[3.0, 0.1], [4.0, 0.1]])
    >>> GroupLasso(per="input").prox(w, 1.0).round(3)
    array([[2.151, 0.   ],
           [2.869, 0.   ]])
    >>> GroupLasso(per="input", groups=["city", "city"]).prox(w, 1.0).round(3)
    array([[1.8  , 0.06 ],
           [2.401, 0.06 ]])

    Source: Yuan and Lin, Model selection and estimation in regression with grouped variables,
    JRSS B 68 (2006).
    """

    per: str | None = field(default=None, metadata=option("what one group is", choices=tuple(PER)))
    axes: Axes | None = field(
        default=None, metadata=option("axes that index groups", variants=((0, 1), (-1,)))
    )
    groups: tuple[int, ...] | None = field(
        default=None, metadata=option("which units are a group", variants=((0, 1, 0),))
    )

    name: ClassVar[str] = "group-lasso"
    also_called: ClassVar[tuple[str, ...]] = ("group-l1", "l21")
    formula: ClassVar[str] = "Σ_g √|g| ‖w_g‖"
    summary: ClassVar[str] = "whole units become exactly zero"
    combines: ClassVar[Combination] = Combination.GROUP

    def __post_init__(self) -> None:
        if self.per is not None and self.axes is not None:
            raise InputError(
                f"expected per or axes, got both per={self.per!r} and axes={self.axes!r}: drop one"
            )
        if self.groups is not None:
            object.__setattr__(self, "groups", _check_groups(self.groups, self.per, self.axes))
        if self.axes is not None:
            object.__setattr__(self, "axes", checked_axes(self.axes))
            return
        per = "input" if self.per is None else self.per
        if not isinstance(per, str) or per not in PER:
            near = near_names(per, PER) if isinstance(per, str) else ""
            hint = _ELSEWHERE.get(str(per), near)
            raise InputError(f"expected per to be one of {', '.join(PER)}, got {per!r}: {hint}")
        object.__setattr__(self, "per", per)

    def __repr__(self) -> str:
        asked = f"per={self.per!r}" if self.axes is None else f"axes={self.axes!r}"
        groups = "" if self.groups is None else f", groups={self.groups!r}"
        return f"GroupLasso({asked}{groups})"

    def with_axes(self, input_axis: int | None, output_axis: int | None) -> GroupLasso:
        """Return the penalty with `per` resolved to axes of a layer's array.

        Args:
            input_axis: the axis of the array along which input units lie, None if it has none.
            output_axis: the same for output units.

        Returns:
            A penalty with `axes`; self where `axes` was given.

        Raises:
            InputError: `per` names an axis that the layer has not.

        >>> GroupLasso(per="input").with_axes(0, 1)
        GroupLasso(axes=(0,))
        """
        if self.axes is not None:
            return self
        resolved = PER[str(self.per)](input_axis, output_axis)
        known = tuple(axis for axis in resolved if axis is not None)
        if len(known) < len(resolved):
            raise InputError(
                f"expected a parameter with an {self.per} axis for GroupLasso(per={self.per!r}), "
                "got one without, or of a layer whose axes are not known: select other parameters, "
                "or use per='layer' or axes=(…)"
            )
        return GroupLasso(axes=known, groups=self.groups)

    def with_unit_groups(self, axis: int, labels: Sequence[Hashable]) -> GroupLasso:
        """Return the penalty with these groups where it has one group per unit of that axis.

        >>> GroupLasso(axes=(1,)).with_unit_groups(1, ["city", "city", "age"])
        GroupLasso(axes=(1,), groups=(0, 0, 1))
        >>> GroupLasso(axes=(0,)).with_unit_groups(1, ["city", "city", "age"])
        GroupLasso(axes=(0,))
        """
        if self.axes != (axis,) or self.groups is not None:
            return self
        return GroupLasso(axes=self.axes, groups=numbered(labels))

    def of_units(self, axis: int, chosen: Sequence[int]) -> GroupLasso:
        """Return the penalty with the labels of some units, where they lie along that axis.

        >>> GroupLasso(axes=(1,), groups=(0, 0, 1)).of_units(1, (0, 2))
        GroupLasso(axes=(1,), groups=(0, 1))
        """
        if self.groups is None or self.axes != (axis,):
            return self
        return GroupLasso(axes=self.axes, groups=tuple(self.groups[unit] for unit in chosen))

    def group_labels(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return the number of every weight's group, from 0.

        >>> GroupLasso("input", groups=["city", "city", "age"]).group_labels((1, 3))
        array([[0, 0, 1]])
        """
        axes = self.with_axes(BARE_INPUT_AXIS, BARE_OUTPUT_AXIS).axes or ()
        if self.groups is not None:
            own = np.asarray(self.groups)
        else:
            own = np.arange(math.prod(shape[axis] for axis in axes))
        along = [shape[i] if i in {a % len(shape) for a in axes} else 1 for i in range(len(shape))]
        return np.broadcast_to(own.reshape(along), shape)

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise where axes are not there, or labels are for another number of units."""
        self.value(np.zeros(shape if self.groups is not None else (1,) * len(shape)))

    def coupled_axes(self, ndim: int) -> Axes:
        """Return the axes within a group.

        >>> GroupLasso(axes=(0,)).coupled_axes(3)
        (1, 2)
        """
        if self.groups is not None:
            return tuple(range(ndim))
        index = self.with_axes(BARE_INPUT_AXIS, BARE_OUTPUT_AXIS).axes or ()
        return tuple(sorted(set(range(ndim)) - {axis % ndim for axis in index}))

    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return Σ_g √|g| ‖w_g‖.

        >>> import numpy as np
        >>> float(GroupLasso("layer").value(np.array([0.0, 6.0, 0.0, 8.0])))
        20.0
        """
        library = floating_library(w)
        if self.groups is not None:
            dense, blocks, axis = self._blocks(w, stacked)
            first, *rest = (dense.value(block, stacked) for block in blocks.split(w, axis))
            return sum(rest, first)
        axes, root_size = self.within(w, stacked)
        wide = library.wide(w)
        with library.quiet():
            norms = norm(wide, axes, keepdims=True)
            total = library.sum(norms, model_axes(w, stacked)) * library.cast(root_size, wide)
        return library.cast(total, w)

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        """Return √|g| w_g/‖w_g‖, 0 for a zero group.

        >>> import numpy as np
        >>> GroupLasso("input").gradient(np.array([[3.0, 0.0], [4.0, 0.0]])) / np.sqrt(2)
        array([[0.6, 0. ],
               [0.8, 0. ]])
        """
        library = floating_library(w)
        if self.groups is not None:
            dense, blocks, axis = self._blocks(w, stacked)
            return blocks.join([dense.gradient(b, stacked) for b in blocks.split(w, axis)], axis)
        axes, root_size = self.within(w, stacked)
        with library.quiet():
            scaled, _ = scaled_by_largest(library.wide(w), axes)
            length = norm(scaled, axes, keepdims=True)
            direction = scaled / library.where(length == 0, library.cast(1.0, scaled), length)
        return library.cast(direction * library.cast(root_size, scaled), w)

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        """Return w_g · max(0, 1 − √|g|·step/‖w_g‖), or its counterpart in a diagonal metric.

        >>> import numpy as np
        >>> step = np.array([[0.1], [10.0]])  # one per weight of the group
        >>> GroupLasso("input").prox(np.array([[3.0], [4.0]]), step).round(3)
        array([[2.863],
               [0.689]])
        """
        library = floating_library(w)
        steps = per_model(step, w, stacked)
        if self.groups is not None:
            return self._prox_by_blocks(w, steps, stacked)
        axes, root_size = self.within(w, stacked)
        wide = library.wide(w)
        threshold = library.cast(steps, wide) * library.cast(root_size, wide)
        even = threshold.ndim == 0 or all(threshold.shape[axis] == 1 for axis in axes)
        with library.quiet():
            moved = (group_prox_closed if even else group_prox_diagonal)(wide, threshold, axes)
        return kept_where_zero(steps, w, library.cast(moved, w))

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return max_g ‖gradient_g‖ / √|g|.

        >>> import numpy as np
        >>> float(GroupLasso("layer").critical_strength(np.array([0.0, 6.0, 0.0, 8.0])))
        5.0
        """
        library = floating_library(gradient)
        if self.groups is not None:
            return self.largest_of_blocks(
                gradient,
                stacked,
                lambda b, axes: GroupLasso(axes=axes).critical_strength(b, stacked),
            )
        axes, root_size = self.within(gradient, stacked)
        wide = library.wide(gradient)
        with library.quiet():
            norms = norm(wide, axes, keepdims=True)
            largest = library.max(norms, model_axes(gradient, stacked))
            return library.cast(largest / library.cast(root_size, wide), gradient)

    def largest_of_blocks(
        self, w: Array, stacked: int, number: Callable[[Array, Axes], Array]
    ) -> Array:
        """Return the largest of the numbers of the blocks of groups of equal size.

        Args:
            w: the whole array.
            stacked: how many leading axes run over models.
            number: of a block and the axes of one model that index its groups.
        """
        library = floating_library(w)
        dense, blocks, axis = self._blocks(w, stacked)
        first, *rest = (number(block, dense.axes or ()) for block in blocks.split(w, axis))
        for other in rest:
            first = library.where((first >= other) | (first != first), first, other)  # NaN stays
        return first

    def in_blocks(self, shape: tuple[int, ...]) -> tuple[int, UnitBlocks, Penalty] | None:
        """Return the axis, the blocks and the penalty of a block, None without `groups`."""
        if self.groups is None:
            return None
        dense, blocks, axis = self._blocks(np.broadcast_to(0.0, shape), 0)
        return axis, blocks, dense

    def _blocks(self, w: Array, stacked: int) -> tuple[GroupLasso, UnitBlocks, int]:
        """Return the penalty of a block, the blocks, and the axis of `w` along which they lie."""
        index, *_ = self.with_axes(BARE_INPUT_AXIS, BARE_OUTPUT_AXIS).axes or (0,)
        own = model_axes(w, stacked)
        labels = self.groups or ()
        length = w.shape[own[index]] if -len(own) <= index < len(own) else None
        if length != len(labels):
            raise InputError(
                f"expected an array with {len(labels)} units along axis {index}, a label for each "
                f"in groups, got one model's shape {tuple(w.shape[stacked:])}: correct the groups"
            )
        place = index % len(own)
        return GroupLasso(axes=(place + 1,)), UnitBlocks.of(labels), own[place]

    def _prox_by_blocks(self, w: Array, steps: Array, stacked: int) -> Array:
        dense, blocks, axis = self._blocks(w, stacked)
        own = blocks.split(steps, axis) if steps.ndim else [steps] * len(blocks.members)
        pairs = zip(blocks.split(w, axis), own, strict=True)
        return blocks.join([dense.prox(block, step, stacked) for block, step in pairs], axis)

    def within(self, w: Array, stacked: int) -> tuple[Axes, float]:
        """Return the axes of `w` within a group, and √|g|."""
        own = model_axes(w, stacked)
        index = self.axes
        if index is None:
            index = self.with_axes(BARE_INPUT_AXIS, BARE_OUTPUT_AXIS).axes or ()
        if any(not -len(own) <= axis < len(own) for axis in index):
            raise InputError(
                f"expected an array with axes {index} to group by, got one model's shape "
                f"{tuple(w.shape[stacked:])}: use per='output' or 'layer', or other axes"
            )
        across = {own[axis] for axis in index}
        if len(across) < len(index):
            raise InputError(f"expected distinct axes, got {index}, which name one axis twice")
        within = tuple(axis for axis in own if axis not in across)
        return within, math.sqrt(max(1, math.prod([w.shape[axis] for axis in within])))
