"""The one registry of layers that can be stacked."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from shrinkage.paths.engines.layers import skipping
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
from shrinkage.pytorch.copies import gradient_hooks

ACTIVATIONS = (RELU, TANH, SIGMOID, GELU, IDENTITY, ACTIVATION)
ENTRIES = (LINEAR, *ACTIVATIONS, DROPOUT, FLATTEN, BATCH_NORM, LAYER_NORM, ORDERED)

LAYERS: dict[type[nn.Module], StackedLayer] = {
    kind: entry for entry in ENTRIES for kind in entry.classes
}
LAYERS |= {kind: entry for entry in skipping.entries(dict(LAYERS)) for kind in entry.classes}


HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def is_hooked(layers: Iterable[nn.Module]) -> bool:
    """Return whether layers do otherwise than their classes: by hooks, or a `forward` of their own.

    >>> layer = nn.Linear(2, 1)
    >>> handle = layer.register_forward_hook(lambda module, args, output: 2 * output)
    >>> is_hooked([nn.Linear(2, 1)]), is_hooked([layer])
    (False, True)
    """
    return any(
        any(getattr(layer, hooks) for hooks in HOOKS)
        or "forward" in vars(layer)
        or any(gradient_hooks(parameter) for parameter in layer.parameters())
        for layer in layers
    )


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
        and not is_hooked(layers)
        and all(type(layer) in LAYERS and LAYERS[type(layer)].accepts(layer) for layer in layers)
        and len({id(layer) for layer in layers}) == len(layers)
        and len(list(module.parameters()))
        == len(list(module.named_parameters(remove_duplicate=False)))
        and all(parameter.requires_grad for parameter in module.parameters())
    )
