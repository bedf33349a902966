"""A network that cannot be traced as a whole: its parts are made smaller each by itself.

Who uses this: `compact`. What goes into and comes out of a part stays as it is; what is inside is
made smaller.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.fx import GraphModule

from shrinkage.compaction.deciding import CollapsedNetwork
from shrinkage.compaction.smaller import smaller_network
from shrinkage.compaction.tracing import UntraceableNetwork
from shrinkage.pytorch.copies import deep_copy


def compact_parts(
    model: nn.Module, frozen: nn.Module, inputs: tuple[Any, ...], why: str, tolerance: float
) -> tuple[nn.Module, tuple[str, ...]]:
    """Return a copy of a network whose traceable parts are smaller, and what to say of it.

    Args:
        model: the network.
        frozen: a copy in evaluation mode.
        inputs: what it is called with.
        why: why the whole cannot be traced.
        tolerance: the largest difference of an output of a part, relative to its largest.
    """
    calls = _calls(frozen, inputs)
    result = deep_copy(model)
    notes = [f"{why}; its parts were made smaller, each by itself"]
    _replace(result, frozen, "", calls, notes, tolerance)
    return result, tuple(notes)


def _replace(
    result: nn.Module,
    frozen: nn.Module,
    at: str,
    calls: dict[str, list[_Call | None]],
    notes: list[str],
    tolerance: float,
) -> None:
    for name, child in frozen.get_submodule(at).named_children():
        place = f"{at}.{name}".lstrip(".")
        if not any(True for _ in child.parameters()):
            continue
        call, *others = calls.get(place, [None])
        if call is not None and not others and _own_weights(frozen, child):
            part = result.get_submodule(place)
            try:
                found = smaller_network(
                    part, child, call.arguments, keep_inputs=True, tolerance=tolerance
                )
            except CollapsedNetwork:
                notes.append(f"{place!r} puts out a constant, and stays as it is")
                continue
            except UntraceableNetwork as error:
                notes.append(f"{place!r}: {error}")
            else:
                if not (call.by_keywords and isinstance(found.module, GraphModule)):
                    result.get_submodule(at)._modules[name] = found.module
                    notes.extend(f"{place!r}: {one}" for one in found.notes)
                    continue
        _replace(result, frozen, place, calls, notes, tolerance)


@dataclass(frozen=True)
class _Call:
    """What a part was called with, in order, and whether its code has to read it by name."""

    arguments: tuple[Any, ...]
    by_keywords: bool


def _calls(frozen: nn.Module, inputs: tuple[Any, ...]) -> dict[str, list[_Call | None]]:
    """Return what each module is called with: None for a call that is not only of plain values."""
    calls: dict[str, list[_Call | None]] = {}

    def remember(name: str) -> Any:
        def hook(module: nn.Module, args: Any, kwargs: Any) -> None:
            calls.setdefault(name, []).append(_in_order(module, args, kwargs))

        return hook

    hooks = [
        module.register_forward_pre_hook(remember(name), with_kwargs=True)
        for name, module in frozen.named_modules()
    ]
    try:
        with torch.no_grad():
            frozen(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return calls


def _in_order(module: nn.Module, args: Any, kwargs: Any) -> _Call | None:
    try:
        bound = inspect.signature(module.forward).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return None
    if kwargs:
        bound.apply_defaults()
    arguments = bound.args
    kinds = (torch.Tensor, bool, int, float, type(None))
    plain = all(isinstance(own, kinds) for own in arguments)
    rows = arguments and isinstance(arguments[0], torch.Tensor) and arguments[0].ndim > 1
    if bound.kwargs or not plain or not rows or not len(arguments[0]):
        return None
    return _Call(arguments, bool(kwargs))


def _own_weights(frozen: nn.Module, child: nn.Module) -> bool:
    """Return whether a part shares no parameter with the rest of the network."""
    own = {id(parameter) for parameter in child.parameters()}
    inside = {id(module) for module in child.modules()}
    return not any(
        id(parameter) in own
        for module in frozen.modules()
        if id(module) not in inside
        for parameter in module.parameters(recurse=False)
    )
