"""Layers of Keras (on torch) in a model of PyTorch: what they hold, by Keras' own table.

Who uses this: `describe`. A Keras layer keeps its tensors in a list by their paths, beside the
layers that made them, so that their modules tell nothing: not a layer, not a layout. Keras is
loaded already where there is such a layer, and not by this.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from shrinkage.parameters import Place

_LIST = "_torch_params"  # a ParameterDict in every Keras layer, of all that is inside it


def modules_of(model: nn.Module) -> dict[str, nn.Module]:
    """Return a model's modules by every name, those too that layers of Keras hold out of sight.

    Args:
        model: any module.

    Returns:
        name → module; a Keras layer that is not an attribute is found by the layers around it.

    >>> list(modules_of(nn.Sequential(nn.Linear(2, 1))))
    ['', '0']
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    seen = {id(module) for module in modules.values()}
    for prefix, module in tuple(modules.items()):
        if _is_keras(module):
            for name, hidden in _wrapped(prefix, module):
                if id(hidden) not in seen:
                    inner = hidden.named_modules(prefix=name, remove_duplicate=False)
                    modules |= {path: part for path, part in inner if id(part) not in seen}
                    seen |= {id(part) for part in hidden.modules()}
    return modules


def keras_lists(modules: Mapping[str, nn.Module]) -> frozenset[str]:
    """Return the names of the modules that are Keras layers' lists of their tensors.

    Args:
        modules: a model's modules by name.

    >>> keras_lists(dict(nn.Linear(2, 1).named_modules()))
    frozenset()
    """
    layers = [name for name, module in modules.items() if _is_keras(module)]
    lists = (f"{name}.{_LIST}" if name else _LIST for name in layers)
    return frozenset(name for name in lists if name in modules)


def keras_parameters(
    modules: Mapping[str, nn.Module], lists: frozenset[str]
) -> dict[str, list[tuple[str, Place, nn.Parameter]]]:
    """Return what each outer Keras layer holds, by the layer's name.

    Args:
        modules: a model's modules by name.
        lists: what `keras_lists` returned.

    Returns:
        name → (full name, place, tensor), each tensor by its name in Keras, "net.dense.kernel",
        then by the one that `named_parameters` has. Tensors that a module of PyTorch holds, inside
        a `TorchModuleWrapper`, are left to that.
    """
    if not lists:
        return {}
    elsewhere = {
        id(tensor)
        for name, module in modules.items()
        if name not in lists
        for tensor in module._parameters.values()
    }
    names: dict[int, str] = {}
    for listed in (name for name in modules if name in lists):
        for path, tensor in modules[listed]._parameters.items():
            names.setdefault(id(tensor), f"{listed}.{path}")
    described: dict[str, list[tuple[str, Place, nn.Parameter]]] = {}
    for prefix, module in modules.items():
        if _is_keras(module):
            own = [entry for entry in _held(prefix, module) if id(entry[2]) not in elsewhere]
            elsewhere |= {id(tensor) for _, _, tensor in own}
            described[prefix] = [*own, *_as_in_pytorch(own, names)]
    return described


def _is_keras(module: nn.Module) -> bool:
    layers = getattr(sys.modules.get("keras"), "layers", None)
    return layers is not None and isinstance(module, layers.Layer)


def _wrapped(prefix: str, layer: Any) -> Iterator[tuple[str, nn.Module]]:
    from shrinkage.parameters.keras_layers import walk  # which loads Keras

    for name, inner, _ in walk(layer):
        module = getattr(inner, "module", None)
        if isinstance(module, nn.Module) and not _is_keras(module):
            yield ".".join(filter(None, (prefix, name, "module"))), module


def _held(prefix: str, layer: Any) -> Iterator[tuple[str, Place, nn.Parameter]]:
    from shrinkage.parameters.keras_layers import owned

    for name, place, variable in owned(layer):
        yield f"{prefix}.{name}" if prefix else name, place, variable.value


def _as_in_pytorch(
    own: list[tuple[str, Place, nn.Parameter]], names: Mapping[int, str]
) -> Iterator[tuple[str, Place, nn.Parameter]]:
    firsts = {id(tensor): (place, tensor) for _, place, tensor in reversed(own)}
    for key, (place, tensor) in firsts.items():
        if key in names:
            yield names[key], place, tensor
