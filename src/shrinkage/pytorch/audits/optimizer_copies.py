"""Copies of an optimizer, with all that it has but its hooks.

Who uses this: the twin of a loop, and what steps on some of its weights.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from shrinkage.pytorch.audits.copying import copied
from shrinkage.pytorch.audits.reach import is_installed

_HOOKS = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks")


def copied_optimizer(optimizer: Optimizer, memo: dict[int, Any]) -> Optimizer:
    """Return a copy with all its attributes (pickling keeps only some), without hooks on it."""
    kind = type(optimizer)
    own: Optimizer = kind.__new__(kind)
    memo[id(optimizer)] = own
    take_over(own, optimizer, memo)
    own.__dict__.update({name: OrderedDict() for name in _HOOKS})
    # a wrapper has none, or lends those within: torch would hook the step of its class, for good
    if "defaults" in vars(own) and _HOOKS[0] in vars(optimizer):
        own.__setstate__({})
    return own


def take_over(own: Optimizer, theirs: Optimizer, memo: dict[int, Any]) -> None:
    """Give one optimizer copies of all that another has; what `memo` knows is not copied.

    A scheduler wraps `step` in the object itself; the copy has that of its class. Hooks stay.
    """
    for name in [name for name in vars(own) if not is_hook(name)]:
        del own.__dict__[name]
    for name, value in vars(theirs).items():
        if not is_hook(name) and name != "step":
            own.__dict__[name] = copied(value, memo, "optimizer")


def is_hook(name: str) -> bool:
    """Return whether an attribute of an optimizer holds hooks of its steps."""
    return name.startswith("_optimizer_")


def has_hooks(optimizer: Optimizer) -> bool:
    """Return whether hooks of a user's own are on the steps of an optimizer: a copy has none."""
    hooks = [hook for name in _HOOKS for hook in vars(optimizer).get(name, {}).values()]
    return any(not is_installed(getattr(hook, "__func__", hook)) for hook in hooks)


def in_float64(parameters: Mapping[str, torch.Tensor], optimizer: Optimizer) -> None:
    """Turn parameters and what an optimizer keeps of them into float64, where they are."""
    for tensor in parameters.values():
        tensor.data = tensor.data.double()
    for state in optimizer.state.values():
        for key, value in state.items() if isinstance(state, dict) else ():
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                state[key] = value.double()
