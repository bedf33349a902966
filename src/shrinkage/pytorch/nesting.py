"""A step that calls its parent's step: hooks are for the outer one.

Who uses this: the attachment and the audit, which hook an optimizer's step. Torch wraps the `step`
of every class when an object of it is made, so that `super().step()` in a subclass runs the hooks
once more, before and after the inner step (torch 2.13).
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

_WRAPPER = getattr(Optimizer.profile_hook_step(lambda: None), "__code__", None)


def outermost(optimizer: Optimizer, hook: Callable[..., Any]) -> Callable[..., Any]:
    """Return a hook on a step that does nothing in a step within that step.

    Args:
        optimizer: whose step is hooked.
        hook: called as torch calls it.

    Returns:
        The hook itself where the class inherits its step as it is, and none can lie within another.
    """
    kinds = (kind for kind in type(optimizer).__mro__ if "step" in vars(kind))
    own = {
        inspect.unwrap(vars(kind)["step"]) for kind in kinds
    }  # torch gives AdamW Adam's, wrapped
    if len(own) < 3:  # the class that has the step, and Optimizer
        return hook

    def outer(stepped: Any, args: Any, kwargs: Any) -> Any:
        # what it returns are other arguments of the step: a closure with the terms behind it
        return None if _is_within(stepped) else hook(stepped, args, kwargs)

    return outer


def untraced(hook: Callable[..., Any]) -> Callable[..., Any]:
    """Return a hook that a compiled step calls between its graphs.

    Traced into one, every strength and learning rate would be a constant to recompile for. Outside
    of compiled code the hook is called as it is: `torch.compiler.disable` takes microseconds.
    """
    disabled: Any = torch.compiler.disable(hook)

    def chosen(stepped: Any, args: Any, kwargs: Any) -> Any:
        call = disabled if torch.compiler.is_compiling() else hook
        return call(stepped, args, kwargs)

    return chosen


def _is_within(optimizer: Any) -> bool:
    """Return whether two steps of one optimizer are on the stack."""
    frame: Any = sys._getframe(2)
    steps = 0
    while frame is not None:
        if frame.f_code is _WRAPPER:
            steps += _stepped_by(frame) is optimizer
            if steps > 1:
                return True
        frame = frame.f_back
    return False


def _stepped_by(frame: Any) -> Any:
    """Return the optimizer that a call of torch's wrapper steps."""
    arguments = frame.f_locals.get("args") or (None,)
    return arguments[0]
