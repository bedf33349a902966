"""Deep copies of modules, with the functions that they keep.

Who uses this: whoever trains, traces or audits a copy. `copy.deepcopy` gives a copy the very
functions of the module, so that `self.mlp = lambda x: self.out(self.hidden(x))`, or a hook that
closes over its module, goes on calling the layers that were copied from: the copy's own are never
trained, and those of several copies are the same. Here such functions close over the copy. A name
that a function looks up among its globals stays what it is. Hooks on a parameter's gradient, which
`copy.deepcopy` leaves out, are the copy's, too; a tensor that a pruned or normalised layer
computes before each call is copied as a number, and buffers of lazy layers stay without a shape.
The parameters of a scripted module train in its copy as they do in it.
"""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import torch
from torch import nn

Thing = TypeVar("Thing")

_WAYS = ("__getstate__", "__deepcopy__", "__reduce__", "__reduce_ex__")
"""Methods of a class that says itself how it is copied; it is left to that."""
_REGISTERS = {
    "_backward_hooks": "register_hook",
    "_post_accumulate_grad_hooks": "register_post_accumulate_grad_hook",
}


def deep_copy(thing: Thing, memo: dict[int, Any] | None = None) -> Thing:
    """Return `copy.deepcopy(thing, memo)`, in which functions of a module are those of the copy.

    Args:
        thing: a module, or anything else, which is copied as `copy.deepcopy` does.
        memo: copies by id, as `copy.deepcopy` has them.

    Returns:
        The copy.

    >>> def doubled(layer):
    ...     layer.twice = lambda x: layer(layer(x))
    ...     return layer
    >>> model = doubled(nn.Linear(2, 2))
    >>> own = deep_copy(model)
    >>> own.twice.__closure__[0].cell_contents is own
    True
    """
    memo = {} if memo is None else memo
    twins = {
        id(function): (function, _twin(function))
        for function in _functions_about(thing)
        if id(function) not in memo
    }
    memo.update({key: twin for key, (_, twin) in twins.items()})
    memo.update({id(value): value.detach().clone() for value in _computed(thing)})
    memo.update({id(value): _uninitialized(value) for value in _without_shape(thing)})
    for module in _scripted(thing):
        _copy_scripted(module, memo)
    copied = copy.deepcopy(thing, memo)
    own = _own(thing)
    for function, twin in twins.values():
        _fill(function, twin, own, memo)
    _hook_gradients(thing, own, memo)
    return copied


def gradient_hooks(parameter: torch.Tensor | None) -> tuple[Any, ...]:
    """Return the functions that change the gradient of a parameter, or see it.

    >>> weight = nn.Parameter(torch.ones(2))
    >>> handle = weight.register_hook(torch.neg)
    >>> gradient_hooks(weight) == (torch.neg,)
    True
    """
    return tuple(hook for _, hook in _hooks(parameter))


def _hooks(parameter: torch.Tensor | None) -> Iterator[tuple[str, Any]]:
    """Yield the hooks of a parameter with the method that registers them."""
    for own, register in _REGISTERS.items():
        for hook in (getattr(parameter, own, None) or {}).values():
            yield register, hook


def _hook_gradients(thing: Any, own: frozenset[int], memo: dict[int, Any]) -> None:
    """Give the copies of a module's parameters its hooks."""
    for parameter in thing.parameters() if isinstance(thing, nn.Module) else ():
        twin = memo.get(id(parameter))
        moves = twin is not None and twin is not parameter and twin.requires_grad
        if moves and not gradient_hooks(twin):  # frozen copies have no gradient to hook
            for register, hook in _hooks(parameter):
                hook = copy.deepcopy(hook, memo) if _refers(hook, own, set()) else hook
                getattr(twin, register)(hook)


def _computed(thing: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors of a module that autograd computed, which `copy.deepcopy` refuses."""
    for module in thing.modules() if isinstance(thing, nn.Module) else ():
        for value in vars(module).values():
            if isinstance(value, torch.Tensor) and not value.is_leaf:
                yield value


def _without_shape(thing: Any) -> Iterator[nn.parameter.UninitializedBuffer]:
    """Yield the buffers of lazy layers, which `copy.deepcopy` refuses before the first call."""
    for module in thing.modules() if isinstance(thing, nn.Module) else ():
        for value in module._buffers.values():
            if isinstance(value, nn.parameter.UninitializedBuffer):
                yield value


def _scripted(thing: Any) -> Iterator[torch.jit.ScriptModule]:
    """Yield the scripted modules of a module, those within another left out."""
    if isinstance(thing, torch.jit.ScriptModule):
        yield thing
    elif isinstance(thing, nn.Module):
        for child in thing.children():
            yield from _scripted(child)


def _copy_scripted(module: torch.jit.ScriptModule, memo: dict[int, Any]) -> None:
    """Copy a scripted module: by itself it says of no tensor whether it trains, or whose it is."""
    if id(module) in memo:
        return
    with torch.no_grad():
        own = copy.deepcopy(module)
    pairs = [(module, own), *zip(module.buffers(), own.buffers(), strict=True)]
    for theirs, tensor in zip(module.parameters(), own.parameters(), strict=True):
        pairs.append((theirs, tensor.requires_grad_(theirs.requires_grad)))
    memo.update({id(theirs): copied for theirs, copied in pairs})


def _uninitialized(value: torch.Tensor) -> nn.parameter.UninitializedBuffer:
    """Return another buffer without a shape, of the same type on the same device."""
    kind: Any = nn.parameter.UninitializedBuffer  # whose signature is not that of its stub
    return kind(device=value.data.device, dtype=value.data.dtype)


def _functions_about(thing: Any) -> Iterator[types.FunctionType]:
    """Yield the functions within a module's attributes that refer to a part of the module."""
    own = _own(thing)
    seen: dict[int, Any] = {}
    for module in thing.modules() if isinstance(thing, nn.Module) else ():
        kind = type(module)
        if any(getattr(kind, way, None) is not getattr(nn.Module, way, None) for way in _WAYS):
            continue
        hooks = [hook for value in module._parameters.values() for hook in gradient_hooks(value)]
        for value in (*vars(module).values(), hooks):
            for function in _functions_in(value, own, seen):
                if _refers(function, own, set()):
                    yield function


def _own(thing: Any) -> frozenset[int]:
    """Return the ids of a module's parts: modules, parameters, buffers."""
    if not isinstance(thing, nn.Module):
        return frozenset()
    return frozenset(map(id, (*thing.modules(), *thing.parameters(), *thing.buffers())))


def _functions_in(
    value: Any, own: frozenset[int], seen: dict[int, Any]
) -> Iterator[types.FunctionType]:
    """Yield the functions in a value, and those that these refer to, each once."""
    if id(value) in own or id(value) in seen:
        return
    seen[id(value)] = value
    if isinstance(value, types.FunctionType):
        yield value
    for inner in _inner(value):
        yield from _functions_in(inner, own, seen)


def _refers(value: Any, own: frozenset[int], seen: set[int]) -> bool:
    if id(value) in own:
        return True
    if id(value) in seen:
        return False
    seen.add(id(value))
    return any(_refers(inner, own, seen) for inner in _inner(value))


def _inner(value: Any) -> Iterator[Any]:
    """Yield what a function closes over or has by default, and what a container holds."""
    if isinstance(value, types.FunctionType):
        yield from (cell.cell_contents for cell in value.__closure__ or () if _is_set(cell))
        yield from value.__defaults__ or ()
        yield from (value.__kwdefaults__ or {}).values()
        yield from vars(value).values()
    elif isinstance(value, types.MethodType):
        yield from (value.__func__, value.__self__)
    elif isinstance(value, functools.partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value


def _is_set(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _twin(function: types.FunctionType) -> types.FunctionType:
    """Return the function with cells of its own, still empty."""
    cells = tuple(types.CellType() for _ in function.__closure__ or ())
    twin = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, None, cells
    )
    twin.__qualname__, twin.__module__ = function.__qualname__, function.__module__
    return twin


def _fill(
    function: types.FunctionType,
    twin: types.FunctionType,
    own: frozenset[int],
    memo: dict[int, Any],
) -> None:
    """Give a function's twin what the function has, the copy's parts in place of the module's."""

    def counterpart(value: Any) -> Any:
        return copy.deepcopy(value, memo) if _refers(value, own, set()) else value

    for cell, old in zip(twin.__closure__ or (), function.__closure__ or (), strict=True):
        if _is_set(old):
            cell.cell_contents = counterpart(old.cell_contents)
    twin.__defaults__ = tuple(map(counterpart, function.__defaults__ or ())) or None
    twin.__kwdefaults__ = {
        name: counterpart(value) for name, value in (function.__kwdefaults__ or {}).items()
    } or None
    vars(twin).update({name: counterpart(value) for name, value in vars(function).items()})
