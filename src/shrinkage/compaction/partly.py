"""A network that cannot be traced as a whole: its parts are made smaller each by itself.

Who uses this: `compact`. What goes into and comes out of a part stays as it is; what is inside is
made smaller.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from shrinkage.compaction.deciding import CollapsedNetwork
from shrinkage.compaction.tracing import UntraceableNetwork
from shrinkage.pytorch.copies import deep_copy


def compact_parts(
    model: nn.Module, frozen: nn.Module, inputs: tuple[Any, ...], why: str
) -> tuple[nn.Module, tuple[str, ...]]:
    """Return a copy of a network whose traceable parts are smaller, and what to say of it.

    Args:
        model: the network.
        frozen: a copy in evaluation mode.
        inputs: what it is called with.
        why: why the whole cannot be traced.
    """
    calls = _calls(frozen, inputs)
    result = deep_copy(model)
    notes = [f"{why}; its parts were made smaller, each by itself"]
    _replace(result, frozen, "", calls, notes)
    return result, tuple(notes)


def _replace(
    result: nn.Module, frozen: nn.Module, at: str, calls: dict[str, list[Any]], notes: list[str]
) -> None:
    from shrinkage.compaction.compacting import smaller_network

    for name, child in frozen.get_submodule(at).named_children():
        place = f"{at}.{name}".lstrip(".")
        if not any(True for _ in child.parameters()):
            continue
        given = calls.get(place, [])
        if len(given) == 1 and given[0] is not None and _own_weights(frozen, child):
            try:
                found = smaller_network(
                    result.get_submodule(place), child, given[0], keep_inputs=True
                )
            except CollapsedNetwork:
                notes.append(f"{place!r} puts out a constant, and stays as it is")
                continue
            except UntraceableNetwork as error:
                notes.append(f"{place!r}: {error}")
            else:
                result.get_submodule(at)._modules[name] = found.module
                notes.extend(f"{place!r}: {one}" for one in found.notes)
                continue
        _replace(result, frozen, place, calls, notes)


def _calls(frozen: nn.Module, inputs: tuple[Any, ...]) -> dict[str, list[Any]]:
    """Return what each module is called with: None for a call that has keywords or odd things."""
    calls: dict[str, list[Any]] = {}

    def remember(name: str) -> Any:
        def hook(module: nn.Module, args: Any, kwargs: Any) -> None:
            del module
            plain = not kwargs and args and all(_rows(leaf) for leaf in args)
            calls.setdefault(name, []).append(args if plain else None)

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


def _rows(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor) and leaf.ndim > 1 and len(leaf) > 0


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
