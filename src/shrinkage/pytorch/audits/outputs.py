"""What of a loss goes around the outputs of the model's modules: data passes through them.

Who uses this: `step_call`, for `unscaled`. A penalty that is written into the loss reads weights,
not outputs. Where a loss's graph comes to a parameter without passing an output of a module, is
seen in the graph; what comes that way is the gradient that is left where outputs pass none on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Set
from typing import Any

import torch
from torch import nn
from torch.nn.utils.parametrize import ParametrizationList

_DEEP = 8  # containers in one another that are looked into
_OBJECT = 2  # … behind the attributes of an object


class Outputs:
    """The outputs of modules while it is open, a context.

    Args:
        model: whose modules are heard.
        cut: let no gradient pass: "all" outputs, or those of "holders" alone; None lets all pass.
            Within a module that holds no parameters itself a penalty may be added to what it
            returns: that reaches parameters around the outputs of holders, and of no others.
        left: what is left of a gradient that is cut, for loops that divide by its norm.
    """

    def __init__(self, model: nn.Module, cut: str | None = None, left: float = 0.0) -> None:
        self._model, self._cut, self._left = model, cut, left
        self._handles: list[Any] = []
        self._ends: dict[bool, list[Any]] = {True: [], False: []}  # nodes, by whether of holders
        self._around: dict[str, set[int]] = {"all": set(), "holders": set()}
        self.walked = False  # whether the graph of a loss was seen

    def around(self, cut: str) -> Set[int]:
        """Return the ids of parameters that losses reach around some outputs."""
        return self._around[cut]

    def __enter__(self) -> Outputs:
        for module in _heard(self._model):
            holds = any(True for _ in module.parameters(recurse=False))
            if self._cut == "holders" and not holds:
                continue
            hook = self._note_holder if holds else self._note_other
            self._handles.append(module.register_forward_hook(hook, with_kwargs=True))
        self._stance = contextlib.ExitStack()
        if self._cut is not None:  # compiled code hears no hooks that came behind it
            self._stance.enter_context(torch.compiler.set_stance("force_eager"))
        self._backward = backward = torch.autograd.backward  # which that of tensors calls

        def noted(losses: Any, *args: Any, **kwargs: Any) -> None:
            for loss in _tensors(losses) if self._cut is None else ():
                self._walk(loss)
            backward(losses, *args, **kwargs)

        torch.autograd.backward = noted
        return self

    def __exit__(self, *_: object) -> None:
        torch.autograd.backward = self._backward
        self._stance.close()
        for handle in self._handles:
            handle.remove()
        self._ends = {True: [], False: []}

    def _note_holder(self, _: Any, args: Any, kwargs: Any, output: Any) -> None:
        self._note(args, kwargs, output, holds=True)

    def _note_other(self, _: Any, args: Any, kwargs: Any, output: Any) -> None:
        self._note(args, kwargs, output, holds=False)

    def _note(self, args: Any, kwargs: Any, output: Any, *, holds: bool) -> None:
        if torch.compiler.is_compiling() or not _has_data((args, kwargs)):
            return
        for tensor in _tensors(output):
            if not tensor.requires_grad or tensor.grad_fn is None:
                continue
            if tensor.ndim == 0 and self._cut == "holders":  # a loss, or a penalty beside an output
                continue
            ends = self._ends[(holds and tensor.ndim > 0) or self._cut is not None]
            is_new = all(tensor.grad_fn is not end for end in ends[-1:])
            ends.append(tensor.grad_fn)
            if self._cut is not None and is_new:  # what a module hands on of another is cut once
                tensor.register_hook(self._pass_on)

    def _pass_on(self, gradient: torch.Tensor) -> torch.Tensor:
        return gradient * self._left if self._left else torch.zeros_like(gradient)

    def _walk(self, loss: torch.Tensor) -> None:
        """Note which parameters the graph of a loss reaches around outputs."""
        self.walked = True
        of_holders, of_others = (set(map(id, self._ends[holds])) for holds in (True, False))
        found = _reached(loss.grad_fn, of_holders)
        self._around["holders"] |= found
        if found:
            self._around["all"] |= _reached(loss.grad_fn, of_holders | of_others)


def _heard(model: nn.Module) -> Iterator[nn.Module]:
    """Yield the modules that are given data: not those that make one weight of another."""
    of_weights = [m for m in model.modules() if isinstance(m, ParametrizationList)]
    left_out = {id(inner) for outer in of_weights for inner in outer.modules()}
    for module in model.modules():
        if id(module) not in left_out and not isinstance(module, torch.jit.ScriptModule):
            yield module


def _has_data(arguments: Any) -> bool:
    """Return whether a module is given anything but parameters."""
    given = [x for part in arguments for x in (part.values() if isinstance(part, dict) else part)]
    return any(not isinstance(x, nn.Parameter) for x in given)


def _tensors(thing: Any, deep: int = _DEEP) -> Iterator[torch.Tensor]:
    """Yield the tensors in what a module has returned."""
    if isinstance(thing, torch.Tensor):
        yield thing
    elif deep and isinstance(thing, dict | list | tuple | set):
        inner: Iterable[Any] = thing.values() if isinstance(thing, dict) else thing
        for part in inner:
            yield from _tensors(part, deep - 1)
    elif deep and hasattr(thing, "__dict__"):
        yield from _tensors(vars(thing), min(deep - 1, _OBJECT))


def _reached(root: Any, ends: Set[int]) -> set[int]:
    """Return the ids of the leaves that a graph comes to without passing one of some nodes."""
    leaves: set[int] = set()
    seen: dict[int, Any] = {}  # holds them, so that no other node gets an id of theirs
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen or id(node) in ends:
            continue
        seen[id(node)] = node
        if hasattr(node, "variable"):
            leaves.add(id(node.variable))
        waiting += [inner for inner, _ in node.next_functions]
    return leaves
