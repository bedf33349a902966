"""The hierarchical input penalty of LassoNet: through hidden units as far as past them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from shrinkage.arrays import (
    Array,
    Axes,
    floating_library,
    kept_where_zero,
    library_of,
    model_axes,
    norm,
    per_model,
    positive_zeros,
)
from shrinkage.checks import positive, whole
from shrinkage.errors import InputError
from shrinkage.penalties.base import Penalty, words_of
from shrinkage.penalties.group_lasso import BARE_INPUT_AXIS, BARE_OUTPUT_AXIS, checked_axes
from shrinkage.penalties.hierarchical_metric import first_of, skips_in_metric
from shrinkage.penalties.options import option

_ROUNDING = 4.0  # in units of the dtype's epsilon: what the prox gives is in the set


@dataclass(frozen=True, repr=False)
class Hierarchical(Penalty):
    """Σ_j ‖θ_j‖ over inputs j, under |W_kj| ≤ ratio · ‖θ_j‖ for every hidden unit k.

    It is on one layer that reads the inputs, whose first `skips` outputs θ go to the outputs of the
    network as they are and whose others W go on through its hidden layers: the skip and the first
    layer of LassoNet, side by side in one array. An input whose θ is zero is out. It is not convex
    (its convex envelope is Σ_j max(‖θ_j‖, max_k |W_kj|/ratio)), and where θ_j is 0 its sign may
    jump. In the metric of an optimizer that adapts ‖θ_j‖ is the one root of a concave function.

    Args:
        skips: how many of the outputs, the first ones, skip the hidden layers.
        ratio: how much larger a weight of a hidden unit may be than ‖θ_j‖; LassoNet's M.
        axes: the axes of one model's array of the inputs and of the outputs; None: the layer's.

    Raises:
        InputError: bad numbers, axes that are no two, or an array without hidden units.

    >>> import numpy as np
    >>> w = np.array([[2.0, 0.1], [0.5, 0.1], [30.0, -0.2]])  # (outputs, inputs): one skips
    >>> Hierarchical(ratio=2.0).prox(w, 1.0).round(3)
    array([[12.2,  0. ],
           [ 0.5,  0. ],
           [24.4,  0. ]])

    Source: Lemhadri, Ruan, Abraham and Tibshirani, LassoNet: a neural network with feature
    sparsity, JMLR 22(127) (2021), algorithm 2, whose sort is a Newton's method here.
    """

    skips: int = field(default=1, metadata=option("outputs that skip the hidden layers"))
    ratio: float = field(
        default=10.0, metadata=option("hidden weights against the skip's", variants=(0.5,))
    )
    axes: Axes | None = field(
        default=None, metadata=option("axes of inputs and outputs", variants=((0, 1),))
    )

    name: ClassVar[str] = "hierarchical"
    also_called: ClassVar[tuple[str, ...]] = ("hier-prox", "lassonet")
    formula: ClassVar[str] = "Σ_j ‖θ_j‖, |W_kj| ≤ ratio·‖θ_j‖"
    summary: ClassVar[str] = "inputs leave a network with a skip layer, as in LassoNet"
    convex: ClassVar[bool] = False
    finite: ClassVar[bool] = False
    has_price: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "skips", whole(self.skips, "skips", 1, "as many as outputs"))
        object.__setattr__(self, "ratio", positive(self.ratio, "ratio", "10 is usual"))
        if self.axes is not None and len(checked_axes(self.axes)) != 2:
            raise InputError(
                f"expected two axes, of the inputs and of the outputs, got {self.axes!r}: give for "
                "example axes=(1, 0)"
            )

    def __repr__(self) -> str:
        return words_of(self)

    def longest_step(self) -> float:
        """Return 0: the sign of a θ that is 0 jumps, whatever the step."""
        return 0.0

    def with_axes(self, input_axis: int | None, output_axis: int | None) -> Hierarchical:
        """Return it for a layout in which the units lie along these axes."""
        if self.axes is not None:
            return self
        if input_axis is None or output_axis is None:
            raise InputError(
                "expected a layer with inputs and outputs for Hierarchical, got a parameter "
                "without: select the weights that read the inputs"
            )
        return replace(self, axes=(input_axis, output_axis))

    def on_skips(self, skips: int) -> Hierarchical:
        """Return it for a network whose outputs skip the hidden layers, so many of them.

        Raises:
            InputError: none do, or another number was asked for.
        """
        if not skips:
            raise InputError(
                f"expected a network with a skip layer for {self!r}, got one without: take for "
                "example mlp:100+skip, or a module of your own"
            )
        if self.skips not in (1, skips):
            raise InputError(
                f"expected skips={skips}, the outputs of the network, got {self.skips}: leave it "
                "out, it is known"
            )
        return replace(self, skips=skips)

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise where an array has no hidden units beside those that skip."""
        self.value(np.zeros(shape))

    def coupled_axes(self, ndim: int) -> Axes:
        """Return the axes of the weights of one input."""
        own = (self.axes or (BARE_INPUT_AXIS,))[0] % ndim
        return tuple(axis for axis in range(ndim) if axis != own)

    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return Σ_j ‖θ_j‖ in the set, to rounding, and inf outside."""
        library, own = floating_library(w), model_axes(w, stacked)
        with library.quiet():
            skip, rest, within, _ = self._split(library.wide(w), stacked)
            length = norm(skip, within, keepdims=True)
            most = self.ratio * length * (1 + _ROUNDING * library.epsilon(w))
            beyond = library.where(library.abs(rest) > most, most - most + math.inf, 0 * rest)
            total = library.sum(length, own) + library.sum(beyond, own)
        return library.cast(total, w)

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        """Return the least-norm subgradient in the set: along θ_j, with the W at their bounds."""
        library = floating_library(w)
        with library.quiet():
            skip, rest, within, axis = self._split(library.wide(w), stacked)
            length = norm(skip, within, keepdims=True)
            least = self.ratio * length * (1 - _ROUNDING * library.epsilon(w))
            at_bound = library.where(
                (library.abs(rest) >= least) & (length > 0), library.sign(rest), 0 * rest
            )
            share = 1 / (1 + self.ratio**2 * library.sum(library.abs(at_bound), within, True))
            along = library.where(length > 0, skip / length, skip)
            found = library.concatenate([along * share, at_bound * (self.ratio * share)], axis)
        return library.cast(found, w)

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        """Return the prox: ‖θ_j‖ is a root, and the W_kj are clipped to ratio times it."""
        library = floating_library(w)
        steps = per_model(step, w, stacked)
        with library.quiet():
            skip, rest, within, axis = self._split(library.wide(w), stacked)
            if steps.ndim and any(steps.shape[own] != 1 for own in within):
                each = library.cast(steps, skip) + library.zeros_like(library.wide(w))
                own, other, _, _ = self._split(each, stacked)
                skip = skips_in_metric(skip, own, rest, other, self.ratio, within)
                length = norm(skip, within, keepdims=True)
            else:
                skip, length = self._along(skip, rest, library.cast(steps, skip), within)
            moved = positive_zeros(self._joined(skip, rest, length, axis))
        return kept_where_zero(steps, w, library.cast(moved, w))

    def within(self, moved: Array, w: Array, farthest: Any, stacked: int = 0) -> Array:
        """Return what the prox comes to where it brings no θ farther than that from its place."""
        library = floating_library(w)
        with library.quiet():
            after, _, within, axis = self._split(library.wide(moved), stacked)
            before, rest, _, _ = self._split(library.wide(w), stacked)
            reach = per_model(farthest, w, stacked) + library.zeros_like(w)
            own, _, _, _ = self._split(library.wide(reach), stacked)
            held = library.clip(after, before - own, before + own)
            near = self._joined(held, rest, norm(held, within, keepdims=True), axis)
        return library.cast(positive_zeros(near), w)

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return max over inputs of ‖g_θ‖ + ratio · Σ_k |g_W|.

        >>> import numpy as np
        >>> float(Hierarchical(ratio=2.0).critical_strength(np.array([[1.0, 0.0], [3.0, -2.0]])))
        7.0
        """
        library = floating_library(gradient)
        with library.quiet():
            skip, rest, within, _ = self._split(library.wide(gradient), stacked)
            length = norm(skip, within, keepdims=True)
            each = length + self.ratio * library.sum(library.abs(rest), within, True)
        return library.cast(library.max(each, model_axes(gradient, stacked)), gradient)

    def _along(self, skip: Array, rest: Array, step: Array, within: Axes) -> tuple[Array, Array]:
        """Return θ and its length after the prox with one step for all weights of an input."""
        library = library_of(skip)
        length = norm(skip, within, keepdims=True)
        root = self._root(length, library.abs(rest), step, within)
        nowhere = root - root + library.zeros_like(skip)
        first = first_of((skip == 0) & (length == 0), skip, within)
        moved = library.where(length > 0, skip * (root / length), nowhere)
        return library.where(first, nowhere + root, moved), root

    def _joined(self, skip: Array, rest: Array, length: Array, axis: int) -> Array:
        """Return θ beside the hidden weights, clipped to what its length allows."""
        library, bound = library_of(skip), self.ratio * length
        clipped = library.where(library.abs(rest) > bound, library.sign(rest) * bound, rest)
        return library.concatenate([skip, clipped], axis)

    def _root(self, length: Array, size: Array, step: Array, within: Axes) -> Array:
        """Return the least r ≥ 0 with r − ‖θ‖ + step ≥ ratio · Σ (|W| − ratio·r)₊.

        The left side less the right is concave, increasing and piecewise linear in r: from the left
        Newton's method climbs to its zero in at most as many moves as there are hidden units.
        """
        library = library_of(length)

        def moved(root: Array) -> Array:
            beyond = size > self.ratio * root
            none = library.zeros_like(size)
            count = library.sum(library.where(beyond, none + 1, none), within, True)
            total = library.sum(library.where(beyond, size, none), within, True)
            return (length - step + self.ratio * total) / (1 + self.ratio**2 * count)

        def climb(root: Array) -> tuple[Array, Any]:
            higher = moved(root)
            return library.where(higher > root, higher, root), library.any(higher > root)

        root = library.repeat(climb, library.zeros_like(length))
        pull = length + library.sum(size, within, True)
        return library.where(pull == pull, root, pull)  # a diverged input is NaN as a whole

    def _split(self, w: Array, stacked: int) -> tuple[Array, Array, Axes, int]:
        """Return the skips, the others, the axes of an input's weights, and that of outputs."""
        own, library = model_axes(w, stacked), library_of(w)
        index = self.axes or (BARE_INPUT_AXIS, BARE_OUTPUT_AXIS)
        there = all(-len(own) <= axis < len(own) for axis in index) and len(own) > 1
        outputs = w.shape[own[index[1]]] if there else 0
        if outputs <= self.skips:
            raise InputError(
                f"expected an array with inputs and more than {self.skips} outputs, of which the "
                f"first {self.skips} skip the hidden layers, for {self!r}, got one model's shape "
                f"{tuple(w.shape[stacked:])}: select the layer that reads the inputs"
            )
        axis = own[index[1]]
        skip = library.take(w, np.arange(self.skips), axis)
        rest = library.take(w, np.arange(self.skips, outputs), axis)
        return skip, rest, tuple(each for each in own if each != own[index[0]]), axis
