"""Layers past which the first features go: what a network with a skip layer is made of.

Who uses this: `mlp:100+skip`, the network of `Hierarchical`, in every engine. The first linear
layer has as many more outputs as the network; those pass the hidden layers by and are added in the
end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import nn

from shrinkage.paths.engines.layers.base import LayerArrays, StackedLayer


class Beyond(nn.Module):
    """A layer on all features but the first ones, which pass it by: (rows, skips + features).

    Args:
        skips: how many pass by.
        inner: the layer.

    >>> Beyond(1, nn.ReLU())(torch.tensor([[-1.0, -2.0, 3.0]]))
    tensor([[-1.,  0.,  3.]])
    """

    def __init__(self, skips: int, inner: nn.Module) -> None:
        super().__init__()
        self.skips, self.inner = skips, inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the first features as they are, and what the layer makes of the others."""
        return torch.cat([x[:, : self.skips], self.inner(x[:, self.skips :])], 1)


class Joined(Beyond):
    """The last layer, to whose outputs the features that passed it by are added.

    >>> Joined(1, nn.Identity())(torch.tensor([[-1.0, 3.0]]))
    tensor([[2.]])
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the sum."""
        return x[:, : self.skips] + self.inner(x[:, self.skips :])


def entries(layers: Mapping[type[nn.Module], StackedLayer]) -> tuple[StackedLayer, ...]:
    """Return how both are stacked, whatever stackable layer is inside.

    Args:
        layers: the layers that can be.
    """

    def inside(layer: Beyond, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
        own = replace(arrays, name=f"{arrays.name}.inner")
        return layers[type(layer.inner)].apply(layer.inner, own, hidden[:, layer.skips :])

    def beyond(layer: Beyond, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
        return torch.cat([hidden[:, : layer.skips], inside(layer, arrays, hidden)], 1)

    def joined(layer: Beyond, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
        return hidden[:, : layer.skips] + inside(layer, arrays, hidden)

    def accepts(layer: Beyond) -> bool:
        kind = type(layer.inner)
        return kind in layers and layers[kind].accepts(layer.inner)

    return StackedLayer((Beyond,), beyond, accepts), StackedLayer((Joined,), joined, accepts)
