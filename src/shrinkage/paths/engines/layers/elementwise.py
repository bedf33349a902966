"""Layers that know no features: activations as they are, and dropout with one mask for all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from shrinkage.paths.engines.layers.base import Buffers, LayerArrays, Place, StackedLayer

_OPERATIONS: Any = torch.ops.aten


def _itself(layer: nn.Module, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
    del arrays
    return layer(hidden)


def _unchanged(layer: nn.Module, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
    del layer, arrays
    return hidden


@dataclass(frozen=True)
class OfOutput:
    """An activation whose derivative follows from its output.

    Args:
        compute: maps activations to the output, in `out`.
        differentiate: maps the gradient of the output and the output to that of the input, in
            `grad_input`.
    """

    compute: Callable[..., torch.Tensor]
    differentiate: Callable[..., torch.Tensor]

    def __call__(self, layer: nn.Module, arrays: LayerArrays, place: Place) -> AtWork:
        """Return it for training."""
        del layer, arrays
        return AtWork(self, place)


class AtWork:
    """Such an activation at work in training."""

    changeable = False

    def __init__(self, activation: OfOutput, place: Place) -> None:
        self._activation, self._in_place, self._buffers = activation, place.in_place, Buffers()

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the activations."""
        own = hidden if self._in_place else self._buffers.take("out", hidden.shape, hidden)
        self._output = self._activation.compute(hidden, out=own)
        return self._output

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """Return the gradient of the input, in place."""
        return self._activation.differentiate(gradient, self._output, grad_input=gradient)


class Gelu:
    """h·Φ(h), exact or by tanh."""

    changeable = True

    def __init__(self, layer: nn.GELU, arrays: LayerArrays, place: Place) -> None:
        del arrays, place
        self._approximate, self._buffers = layer.approximate, Buffers()

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the activations; their input is kept."""
        self._input = hidden
        out = self._buffers.take("out", hidden.shape, hidden)
        return _OPERATIONS.gelu.out(hidden, approximate=self._approximate, out=out)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """Return the gradient of the input, in place."""
        _OPERATIONS.gelu_backward.grad_input(
            gradient, self._input, approximate=self._approximate, grad_input=gradient
        )
        return gradient


class Same:
    """A layer that leaves the activations as they are."""

    changeable = False  # what comes before it may need its output

    def __init__(self, layer: nn.Module, arrays: LayerArrays, place: Place) -> None:
        del layer, arrays, place

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the activations."""
        return hidden

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """Return the gradient."""
        return gradient


def _dropout(layer: nn.Dropout, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
    """Drop the same units of the same rows in every model.

    The mask is drawn as (rows, features): the numbers that `torch.nn.Dropout` draws for a single
    model after the same seed.
    """
    if not arrays.training:
        return hidden
    mask = hidden.new_empty(hidden.shape[2], hidden.shape[1])
    return hidden * _drawn(layer, arrays, mask).t()


def _drawn(layer: nn.Dropout, arrays: LayerArrays, mask: torch.Tensor) -> torch.Tensor:
    mask.bernoulli_(1.0 - layer.p, generator=arrays.generator)
    return mask.div_(1.0 - layer.p)


class Dropped:
    """Dropout, with the mask of this step for both directions."""

    changeable = True

    def __init__(self, layer: nn.Dropout, arrays: LayerArrays, place: Place) -> None:
        del place
        self._layer, self._arrays, self._buffers = layer, arrays, Buffers()

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the activations that are left, scaled."""
        mask = self._buffers.take("mask", (hidden.shape[2], hidden.shape[1]), hidden)
        self._mask = _drawn(self._layer, self._arrays, mask).t()
        out = self._buffers.take("out", hidden.shape, hidden)
        return torch.mul(hidden, self._mask, out=out)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """Return the gradient of the input, in place."""
        return gradient.mul_(self._mask)


RELU = StackedLayer(
    (nn.ReLU,),
    _itself,
    training=OfOutput(
        partial(torch.clamp_min, min=0),
        partial(_OPERATIONS.threshold_backward.grad_input, threshold=0),
    ),
)
TANH = StackedLayer(
    (nn.Tanh,), _itself, training=OfOutput(torch.tanh, _OPERATIONS.tanh_backward.grad_input)
)
SIGMOID = StackedLayer(
    (nn.Sigmoid,),
    _itself,
    training=OfOutput(torch.sigmoid, _OPERATIONS.sigmoid_backward.grad_input),
)
GELU = StackedLayer((nn.GELU,), _itself, training=Gelu)
IDENTITY = StackedLayer((nn.Identity,), _unchanged, training=Same)
ACTIVATION = StackedLayer((nn.SiLU, nn.ELU, nn.LeakyReLU), _itself)
FLATTEN = StackedLayer((nn.Flatten,), _unchanged, training=Same)  # rows are flat already
DROPOUT = StackedLayer((nn.Dropout,), _dropout, training=Dropped)
