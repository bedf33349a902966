"""Block lasso: tiles of a weight matrix vanish together, attention heads among them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from shrinkage.arrays import Array, Axes, floating_library, library_of, model_axes
from shrinkage.errors import InputError
from shrinkage.penalties.base import Combination, Penalty
from shrinkage.penalties.group_lasso import BARE_INPUT_AXIS, BARE_OUTPUT_AXIS, GroupLasso
from shrinkage.penalties.options import option


@dataclass(frozen=True, repr=False)
class BlockLasso(Penalty):
    """The group lasso Σ_b √|b| ‖w_b‖ over blocks of n output units × m input units.

    A 0 stands for all units: "64x0" are the weights into 64 neighbouring outputs, a head of a
    query, key or value projection with 64 units a head; "0x64" are those out of 64 neighbouring
    inputs, a head of the projection after attention. A kernel is in its block.

    Args:
        block: "NxM": output units × input units.
        axes: of one model's array, those of the outputs and the inputs.

    Raises:
        InputError: no two numbers, or an array that the block does not divide.

    >>> import numpy as np
    >>> w = np.array([[3.0, 4.0, 0.1, 0.2], [0.0, 0.0, 0.2, 0.1]])
    >>> BlockLasso("2x2").prox(w, 1.0)
    array([[1.8, 2.4, 0. , 0. ],
           [0. , 0. , 0. , 0. ]])

    Source: Yuan and Lin, Model selection and estimation in regression with grouped variables,
    JRSS B 68 (2006); blocks are Gray, Radford and Kingma, GPU kernels for block-sparse weights
    (2017).
    """

    block: str = field(
        default="4x4",
        metadata=option("NxM: output x input units, 0 for all", variants=("2x1", "0x2")),
    )
    axes: Axes = field(
        default=(BARE_OUTPUT_AXIS, BARE_INPUT_AXIS), metadata=option("axes of outputs and inputs")
    )

    name: ClassVar[str] = "block-lasso"
    also_called: ClassVar[tuple[str, ...]] = ("block-sparse",)
    formula: ClassVar[str] = "Σ_b √|b| ‖w_b‖, b of N x M units"
    summary: ClassVar[str] = "whole blocks of a layer, or attention heads, become exactly zero"
    combines: ClassVar[Combination] = Combination.GROUP
    example_shapes: ClassVar[tuple[tuple[int, ...], ...]] = ((4, 4), (4, 4, 2))

    def __post_init__(self) -> None:
        if not isinstance(self.block, str) or not re.fullmatch(r"\d+x\d+", self.block):
            raise InputError(
                f"expected a block as 'NxM', output units x input units, got {self.block!r}: give "
                "for example 4x4, or 64x0 for 64 outputs with all inputs"
            )

    def __repr__(self) -> str:
        axes = "" if self.axes == (BARE_OUTPUT_AXIS, BARE_INPUT_AXIS) else f", axes={self.axes}"
        return f"BlockLasso({self.block!r}{axes})"

    def with_axes(self, input_axis: int | None, output_axis: int | None) -> BlockLasso:
        """Return it with the axes of a layer's array."""
        if input_axis is None or output_axis is None:
            raise InputError(
                f"expected a parameter with input and output units for {self!r}, got one without: "
                "select other parameters"
            )
        return replace(self, axes=(output_axis, input_axis))

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise where the block does not divide an array."""
        self._sizes(shape)

    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return Σ_b √|b| ‖w_b‖."""
        floating_library(w)
        tiled, groups = self._tiled(w, w, stacked)
        return groups.value(tiled, stacked)

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        """Return √|b| w_b/‖w_b‖, 0 for a zero block."""
        floating_library(w)
        tiled, groups = self._tiled(w, w, stacked)
        return library_of(w).reshape(groups.gradient(tiled, stacked), tuple(w.shape))

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        """Return the group lasso's prox of each block, in any metric."""
        library = floating_library(w)
        tiled, groups = self._tiled(w, w, stacked)
        if getattr(step, "ndim", 0) == w.ndim > stacked:
            spread = library.cast(step, w) + library.zeros_like(w)
            step, _ = self._tiled(spread, w, stacked)
        return library.reshape(groups.prox(tiled, step, stacked), tuple(w.shape))

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return max_b ‖gradient_b‖ / √|b|."""
        floating_library(gradient)
        tiled, groups = self._tiled(gradient, gradient, stacked)
        return groups.critical_strength(tiled, stacked)

    def group_labels(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return the number of every weight's block, from 0.

        >>> BlockLasso("1x2").group_labels((2, 4)).tolist()
        [[0, 0, 1, 1], [2, 2, 3, 3]]
        """
        rows, columns = self._sizes(shape)
        outputs, inputs = (axis % len(shape) for axis in self.axes)
        across = shape[inputs] // columns
        along = [1] * len(shape)
        along[outputs] = shape[outputs]
        down = np.arange(shape[outputs]).reshape(along) // rows
        along = [1] * len(shape)
        along[inputs] = shape[inputs]
        right = np.arange(shape[inputs]).reshape(along) // columns
        return np.broadcast_to(down * across + right, shape)

    def _sizes(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return how many outputs and inputs a block has in an array."""
        asked = [int(number) for number in self.block.split("x")]
        there = all(-len(shape) <= axis < len(shape) for axis in self.axes)
        lengths = [shape[axis] for axis in self.axes] if there else []
        own = [size or max(1, length) for size, length in zip(asked, lengths, strict=False)]
        if not there or any(length % size for size, length in zip(own, lengths, strict=True)):
            raise InputError(
                f"expected an array that blocks of {self.block} divide along its axes {self.axes}, "
                f"got one model's shape {tuple(shape)}: choose another block, or other parameters"
            )
        return own[0], own[1]

    def _tiled(self, x: Array, w: Array, stacked: int) -> tuple[Array, GroupLasso]:
        """Return an array whose two axes are cut into (blocks, size), and the groups there."""
        own = model_axes(w, stacked)
        shape = tuple(w.shape[stacked:])
        sizes = dict(zip((axis % len(own) for axis in self.axes), self._sizes(shape), strict=True))
        cut: list[int] = []
        index: list[int] = []
        for axis, length in enumerate(shape):
            if axis in sizes:
                index.append(len(cut))
                cut += [length // sizes[axis], sizes[axis]]
            else:
                cut.append(length)
        tiled = library_of(x).reshape(x, (*tuple(w.shape[:stacked]), *cut))
        return tiled, GroupLasso(axes=tuple(index))
