"""What a training step closes over, given back as it was: scalers, schedulers, averages.

Who uses this: `audit`. A loop's gradient scaler or scheduler is neither its model nor its
optimizer, so no copy of it can be handed in; what has a state dict is set back before every run
and at the end. A step that would train the caller's own optimizer is stopped before it does.
"""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from shrinkage.errors import InputError

_DEPTH = 4  # functions within functions that are looked through


class Surroundings:
    """States of what a step refers to; a context that gives them back at its end.

    Args:
        model: the caller's; its gradients are given back too.
        optimizer: the caller's.
        step: its closure, its globals and the object that it is a method of are looked through.
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer, step: Callable[..., Any]) -> None:
        self._states = [(thing, copy.deepcopy(thing.state_dict())) for thing in _referred(step)]
        self._optimizer = optimizer
        self._groups = [
            {key: copy.deepcopy(value) for key, value in group.items() if key != "params"}
            for group in optimizer.param_groups
        ]
        self._gradients = [(parameter, parameter.grad) for parameter in model.parameters()]

    def restore(self) -> None:
        """Give everything back."""
        for thing, state in self._states:
            thing.load_state_dict(copy.deepcopy(state))
        for group, values in zip(self._optimizer.param_groups, self._groups, strict=True):
            for key, value in values.items():
                if isinstance(value, torch.Tensor) and isinstance(group[key], torch.Tensor):
                    group[key].copy_(value)
                else:
                    group[key] = copy.deepcopy(value)
        for parameter, gradient in self._gradients:
            if parameter.grad is not gradient:
                parameter.grad = gradient

    def __enter__(self) -> Surroundings:
        self._handle = self._optimizer.register_step_pre_hook(_refuse)
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.remove()
        self.restore()


def _refuse(*_: Any) -> None:
    raise InputError(
        "expected training_step to step the optimizer that it is given, got a call of the one "
        "outside: call optimizer.step() once, on the second argument"
    )


def _referred(step: Callable[..., Any]) -> list[Any]:
    """Return the objects with a state that a function refers to, each once."""
    stateful: dict[int, Any] = {}
    _look(step, stateful, set(), _DEPTH)
    return list(stateful.values())


def _look(thing: Any, stateful: dict[int, Any], seen: set[int], depth: int) -> None:
    if id(thing) in seen or depth < 0:
        return
    seen.add(id(thing))
    if _has_state(thing):
        stateful[id(thing)] = thing
        return
    for other in _within(thing):
        _look(other, stateful, seen, depth - 1)


def _within(thing: Any) -> Iterator[Any]:
    """Yield what a callable refers to: closure, globals, bound object, partial arguments."""
    if isinstance(thing, functools.partial):
        yield from (thing.func, *thing.args, *thing.keywords.values())
    elif isinstance(thing, types.MethodType):
        yield thing.__func__
        yield from vars(thing.__self__).values() if hasattr(thing.__self__, "__dict__") else ()
    elif isinstance(thing, types.FunctionType):
        yield from _cells(thing)
        yield from (thing.__globals__[n] for n in thing.__code__.co_names if n in thing.__globals__)
    elif callable(thing) and not isinstance(thing, nn.Module | type) and hasattr(thing, "__dict__"):
        yield from vars(thing).values()


def _cells(function: types.FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a name that has no value yet
            continue


def _has_state(thing: Any) -> bool:
    if isinstance(thing, type | types.ModuleType | Optimizer):
        return False
    if isinstance(thing, nn.Module):
        return isinstance(thing, torch.optim.swa_utils.AveragedModel)
    return callable(getattr(thing, "state_dict", None)) and callable(
        getattr(thing, "load_state_dict", None)
    )
