"""The one registry of layers that can be stacked."""

from __future__ import annotations

from torch import nn

from shrinkage.paths.engines.layers.base import StackedLayer
from shrinkage.paths.engines.layers.elementwise import (
    ACTIVATION,
    DROPOUT,
    FLATTEN,
    GELU,
    IDENTITY,
    RELU,
    SIGMOID,
    TANH,
)
from shrinkage.paths.engines.layers.linear import LINEAR
from shrinkage.paths.engines.layers.norms import BATCH_NORM, LAYER_NORM
from shrinkage.paths.engines.layers.ordered import ORDERED

ACTIVATIONS = (RELU, TANH, SIGMOID, GELU, IDENTITY, ACTIVATION)
ENTRIES = (LINEAR, *ACTIVATIONS, DROPOUT, FLATTEN, BATCH_NORM, LAYER_NORM, ORDERED)

LAYERS: dict[type[nn.Module], StackedLayer] = {
    kind: entry for entry in ENTRIES for kind in entry.classes
}


def is_stackable(module: nn.Module) -> bool:
    """Return whether `StackedNetwork` can hold copies of this module.

    It can when the module is a `torch.nn.Sequential` of registered layers with no weight shared
    between layers, all of it trained.

    >>> is_stackable(nn.Sequential(nn.Linear(3, 2), nn.ReLU())), is_stackable(nn.Linear(3, 2))
    (True, False)
    """
    if type(module) is not nn.Sequential:
        return False
    layers = list(module)
    if module._forward_pre_hooks and not isinstance(layers[0], nn.Flatten):
        return False  # it is called with rows that are not flat
    if module._forward_hooks:
        return False  # it answers otherwise than its layers do
    return (
        bool(layers)
        and all(type(layer) in LAYERS and LAYERS[type(layer)].accepts(layer) for layer in layers)
        and len({id(layer) for layer in layers}) == len(layers)
        and len(list(module.parameters()))
        == len(list(module.named_parameters(remove_duplicate=False)))
        and all(parameter.requires_grad for parameter in module.parameters())
    )
