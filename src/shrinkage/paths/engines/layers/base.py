"""How one kind of layer is computed for many models at once.

Who uses this: the files beside this one each give the entries of some layers, `registry.py` lists
them, and the stacked network walks through them. Activations are (models, features, rows). A new
layer that can be stacked is one entry; what has none is trained one model after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class LayerArrays:
    """The arrays of one layer of the stack, the models along their first axis."""

    name: str
    parameters: Mapping[str, torch.Tensor]
    buffers: Mapping[str, torch.Tensor]
    generator: torch.Generator
    training: bool

    def parameter(self, name: str) -> torch.Tensor:
        """Return a parameter of the layer, for example its `weight`."""
        return self.parameters[f"{self.name}.{name}"]

    def buffer(self, name: str) -> torch.Tensor:
        """Return a buffer of the layer."""
        return self.buffers[f"{self.name}.{name}"]

    @property
    def bias(self) -> torch.Tensor | None:
        """Return the biases as (models, features, 1), or None."""
        bias = self.parameters.get(f"{self.name}.bias")
        return None if bias is None else bias.unsqueeze(-1)


@dataclass(frozen=True)
class StackedLayer:
    """Layers of some classes: which of them can be stacked, and what they compute.

    Args:
        classes: exact types, since a subclass may compute something else.
        apply: maps the template's layer, the stack's arrays and the activations to activations.
        accepts: whether the stack computes a layer with these options as torch does.
    """

    classes: tuple[type[nn.Module], ...]
    apply: Callable[[Any, LayerArrays, torch.Tensor], torch.Tensor]
    accepts: Callable[[Any], bool] = lambda _: True
