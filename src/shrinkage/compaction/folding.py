"""Weights that are computed in every call (weight norm, masks of pruning) become plain ones.

Who uses this: `compact`. Such a weight is no parameter whose rows could be taken out; its value is.
A copy in which it is a parameter answers the same in evaluation, and loses the way in which it was
computed, which the result says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from shrinkage.pytorch.copies import deep_copy

HOOKS: tuple[tuple[type, str, Callable[[nn.Module, str], Any]], ...] = (
    (WeightNorm, "name", remove_weight_norm),
    (SpectralNorm, "name", remove_spectral_norm),
    (prune.BasePruningMethod, "_tensor_name", prune.remove),
)
"""Hooks of torch that compute a weight before a call: the name's attribute, what takes them off."""


def copied(model: nn.Module) -> nn.Module:
    """Return a copy, also of a network that keeps a computed weight from its last call.

    Work-around for https://github.com/pytorch/pytorch/pull/103001.
    """
    computed = {
        id(own): own.detach().clone()
        for module in model.modules()
        for own in vars(module).values()
        if isinstance(own, torch.Tensor) and own.grad_fn is not None
    }
    return deep_copy(model, computed)


def with_plain_weights(model: nn.Module) -> tuple[nn.Module, tuple[str, ...]]:
    """Return the network with parameters for computed weights, and which those are.

    Args:
        model: the network; it is left as it is, and returned where nothing of it is computed.

    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    >>> plain, names = with_plain_weights(nn.Sequential(layer))
    >>> names, [name for name, _ in plain.named_parameters()]
    (('0.weight',), ['0.bias', '0.weight'])
    """
    if not any(True for _ in _computed(model)):
        return model, ()
    plain = copied(model)
    modes = {module: module.training for module in plain.modules()}
    plain.eval()  # spectral norms iterate in training
    names = []
    with torch.no_grad():
        for place, module, name, fold in list(_computed(plain)):
            fold(module, name)
            names.append(f"{place}.{name}".lstrip("."))
    for module in plain.modules():
        module.training = modes.get(module, model.training)
    return plain, tuple(names)


Slices = tuple[tuple[str, int], ...]
"""`(parameter, axis)`: in which parameters a slice of a weight vanishes."""


class ComputedWeights:
    """What the weights that a network computes in every call are computed from.

    Args:
        model: the network; it is left as it is.

    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    >>> computed = ComputedWeights(nn.Sequential(layer))
    >>> computed.vanishing("0.weight", 0), computed.vanishing("0.weight", 1)
    ((('0.parametrizations.weight.original0', 0),), (('0.parametrizations.weight.original1', 1),))
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = copied(model).eval() if any(True for _ in _computed(model)) else nn.Module()
        self._found = {
            f"{place}.{name}".lstrip("."): (place, module, name)
            for place, module, name, _ in _computed(self._model)
        }
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for own in self._model.parameters():
                own.copy_(torch.randn(own.shape, generator=generator))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names that the weights have where they are plain ones."""
        return tuple(self._found)

    def vanishing(self, weight: str, axis: int) -> Slices | None:
        """Return slices of which parameters are 0 where slices of a weight along an axis are.

        That is tried out, since any code may compute it: half of the slices are set to 0, of one
        parameter, else of all that have as many.

        Args:
            weight: one of `names`.
            axis: of the weight.

        Returns:
            Parameters, and the axis of each; None where there are none, as of orthogonal weights.
        """
        place, module, name = self._found[weight]
        size = self._value(module, name).shape[axis]
        own = [
            (f"{place}.{key}".lstrip("."), other)
            for key, parameter in module.named_parameters()
            if key.startswith((f"parametrizations.{name}.", f"{name}_"))
            for other in sorted(range(parameter.ndim), key=lambda other: other != axis)
            if parameter.shape[other] == size
        ]
        own.sort(key=lambda slices: slices[1] != axis)
        alike = tuple(slices for slices in own if slices[1] == axis)
        for slices in (*((one,) for one in own), alike, tuple(own)):
            if slices and self._vanishes(module, name, axis, slices):
                return slices
        return None

    @torch.no_grad()
    def _vanishes(self, module: nn.Module, name: str, axis: int, slices: Slices) -> bool:
        parameters = {key: self._model.get_parameter(key) for key, _ in slices}
        before = {key: own.clone() for key, own in parameters.items()}
        gone = torch.arange(0, self._value(module, name).shape[axis], 2)
        for key, own_axis in slices:
            parameters[key].index_fill_(own_axis, gone, 0.0)
        value = self._value(module, name).movedim(axis, 0)
        for key, own in parameters.items():
            own.copy_(before[key])
        stays = torch.ones(len(value), dtype=torch.bool).index_fill(0, gone, False)
        return bool(value.isfinite().all() and not value[gone].any() and value[stays].any())

    @staticmethod
    @torch.no_grad()
    def _value(module: nn.Module, name: str) -> torch.Tensor:
        for hook in module._forward_pre_hooks.values():
            if any(isinstance(hook, kind) for kind, _, _ in HOOKS):
                hook(module, ())
        return getattr(module, name).detach()


def _computed(
    model: nn.Module,
) -> Iterator[tuple[str, nn.Module, str, Callable[[nn.Module, str], Any]]]:
    for place, module in model.named_modules():
        if parametrize.is_parametrized(module):
            for name in module.parametrizations:  # type: ignore[union-attr]
                yield place, module, name, _unparametrized
        for hook in module._forward_pre_hooks.values():
            for kind, attribute, fold in HOOKS:
                if isinstance(hook, kind):
                    yield place, module, getattr(hook, attribute), fold


def _unparametrized(module: nn.Module, name: str) -> None:
    """Make what a parametrization computes a parameter; the class may be another module's too.

    `remove_parametrizations` takes the property off a class that copies share.
    """
    value = getattr(module, name).detach().clone()
    plain = parametrize.type_before_parametrizations(module)  # told while there are some
    parametrizations: nn.ModuleDict = module.parametrizations  # type: ignore[assignment]
    del parametrizations[name]
    if not len(parametrizations):
        module.__class__ = plain
        for key, hook in tuple(module._load_state_dict_pre_hooks.items()):
            if getattr(hook.hook, "__module__", "").startswith("torch.nn.utils.parametri"):
                del module._load_state_dict_pre_hooks[key]  # for old files; it does not pickle
        del module._modules["parametrizations"]
    module._parameters[name] = nn.Parameter(value)
