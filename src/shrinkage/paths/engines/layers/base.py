"""How one kind of layer is computed for many models at once.

Who uses this: the files beside this one each give the entries of some layers, `registry.py` lists
them, and the stacked network walks through them. Activations are (models, features, rows). A new
layer that can be stacked is one entry; what has none is trained one model after the other.

An entry says what the layer computes, with torch's operations; that is enough, since autograd
differentiates it. Where an entry also has its own derivative, training takes that: it works in
buffers that are kept from step to step, and touches each activation once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

# From a parameter's name to its gradients and weights in bfloat16, None where it has none.
Narrow = Callable[[str], tuple[torch.Tensor, torch.Tensor] | None]


@dataclass(frozen=True)
class LayerArrays:
    """The arrays of one layer of the stack, the models along their first axis."""

    name: str
    parameters: Mapping[str, torch.Tensor]
    buffers: Mapping[str, torch.Tensor]
    generator: torch.Generator
    training: bool
    narrow: Narrow = lambda _: None

    def parameter(self, name: str) -> torch.Tensor:
        """Return a parameter of the layer, for example its `weight`."""
        return self.parameters[f"{self.name}.{name}"]

    def gradient(self, name: str) -> torch.Tensor:
        """Return the buffer for the gradient of a parameter of the layer."""
        gradient = self.parameter(name).grad
        assert gradient is not None
        return gradient

    def narrow_views(self, name: str) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Return the gradients and the weights of a parameter of the layer in bfloat16, or None."""
        return self.narrow(f"{self.name}.{name}")

    def buffer(self, name: str) -> torch.Tensor:
        """Return a buffer of the layer."""
        return self.buffers[f"{self.name}.{name}"]

    @property
    def own(self) -> list[torch.Tensor]:
        """Return the parameters of the layer."""
        start = self.name + "."
        return [value for name, value in self.parameters.items() if name.startswith(start)]

    @property
    def bias(self) -> torch.Tensor | None:
        """Return the biases as (models, features, 1), or None."""
        bias = self.parameters.get(f"{self.name}.bias")
        return None if bias is None else bias.unsqueeze(-1)


class Training(Protocol):
    """A layer at work in training. Both methods may use again what they gave the last time.

    What `forward` gets and gives is not changed by others before `backward`, unless the layer is
    `changeable`: then the next one may compute in place of its output.
    """

    @property
    def changeable(self) -> bool:
        """Return whether `backward` does without the output."""
        ...

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the layer's output."""
        ...

    def backward(self, gradient: torch.Tensor) -> torch.Tensor | None:
        """Fill the gradients of the layer's parameters and return that of its input.

        Args:
            gradient: of the output; it may be changed.

        Returns:
            None where the layer was told that nobody needs it.
        """
        ...


@dataclass(frozen=True)
class Place:
    """Where a layer stands: what the network tells it beside its arrays.

    Args:
        wants_input: whether the gradient of its input is needed: something before it is trained.
        in_place: whether it may compute in place of its input.
    """

    wants_input: bool = True
    in_place: bool = False


@dataclass(frozen=True)
class StackedLayer:
    """Layers of some classes: which of them can be stacked, and what they compute.

    Args:
        classes: exact types, since a subclass may compute something else.
        apply: maps the template's layer, the stack's arrays and the activations to activations.
        accepts: whether the stack computes a layer with these options as torch does.
        training: makes the layer with its own derivative; None: autograd differentiates `apply`.
    """

    classes: tuple[type[nn.Module], ...]
    apply: Callable[[Any, LayerArrays, torch.Tensor], torch.Tensor]
    accepts: Callable[[Any], bool] = lambda _: True
    training: Callable[[Any, LayerArrays, Place], Training] | None = None

    def trained(self, layer: nn.Module, arrays: LayerArrays, place: Place) -> Training:
        """Return the layer for training."""
        make = self.training
        return (
            Differentiated(self, layer, arrays, place)
            if make is None
            else make(layer, arrays, place)
        )


class Differentiated:
    """A layer without a derivative of its own: autograd differentiates what it computes."""

    changeable = False

    def __init__(
        self, entry: StackedLayer, layer: nn.Module, arrays: LayerArrays, place: Place
    ) -> None:
        self._entry, self._layer, self._arrays, self._place = entry, layer, arrays, place

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the layer's output, and keep its graph."""
        self._input = hidden.detach().requires_grad_()
        with torch.enable_grad():
            self._output = self._entry.apply(self._layer, self._arrays, self._input)
        return self._output.detach()

    def backward(self, gradient: torch.Tensor) -> torch.Tensor | None:
        """Return the gradient of the input."""
        wanted = [self._input, *self._arrays.own] if self._place.wants_input else self._arrays.own
        if not wanted:
            return None
        gradients = list(torch.autograd.grad(self._output, wanted, gradient))
        inner = gradients.pop(0) if self._place.wants_input else None
        for parameter, own in zip(self._arrays.own, gradients, strict=True):
            assert parameter.grad is not None
            parameter.grad.copy_(own)
        return inner


class Buffers:
    """Arrays that are kept from step to step, made anew when their shape changes."""

    def __init__(self) -> None:
        self._kept: dict[str, torch.Tensor] = {}

    def take(
        self, name: str, shape: torch.Size | tuple[int, ...], like: torch.Tensor
    ) -> torch.Tensor:
        """Return the buffer of that name, not initialized where it is new."""
        buffer = self._kept.get(name)
        if buffer is None or buffer.shape != shape:
            buffer = self._kept[name] = like.new_empty(shape)
        return buffer

    def narrow(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        """Return a copy in bfloat16."""
        shape, kept = tensor.shape, self._kept.get(name)
        if kept is None or kept.shape != shape:
            kept = self._kept[name] = tensor.new_empty(shape, dtype=torch.bfloat16)
        return kept.copy_(tensor)
