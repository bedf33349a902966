"""Optimizers around optimizers: which of the two an audit has to copy.

Who uses this: `audit`. A wrapper that only hands the step on, as Accelerate's does, is looked
through; one that changes the step, as a mask or a lookahead does, is what trains the model. Which
it is, is measured: copies of both step with the same gradients. One without hooks of its own cannot
be listened to. A loop is handed the wrapper all the same, around the copy, since it may decide when
a step is taken.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.optim import Optimizer

from shrinkage.errors import InputError
from shrinkage.pytorch.audits.step_call import seeded
from shrinkage.pytorch.audits.twin import copied_optimizer


def rewrapped(wrapper: Any, inner: Optimizer, own: Optimizer) -> Any:
    """Return a copy of a wrapper around another optimizer than the one that it holds.

    What takes no steps is no wrapper for a loop: it has what is within.
    """
    if wrapper is inner:
        return own
    within = {
        name: rewrapped(value, inner, own)
        for name, value in vars(wrapper).items()
        if isinstance(value, Optimizer)
    }
    if not callable(getattr(wrapper, "step", None)):
        return next(iter(within.values()))
    again = object.__new__(type(wrapper))
    vars(again).update(vars(wrapper) | within)
    return again


def stepping(optimizer: Any) -> tuple[Optimizer, bool]:
    """Return the optimizer whose step is the step: a wrapper that changes it, or what is inside.

    And whether that is all of the step: a wrapper that cannot be listened to may change it too.

    Raises:
        InputError: there is none inside, or more than one.
    """
    alone = True
    while not isinstance(optimizer, Optimizer) or "param_groups" not in vars(optimizer):
        values = getattr(optimizer, "__dict__", {}).values()
        within = [value for value in values if isinstance(value, Optimizer)]
        if len(within) != 1:
            raise InputError(
                f"expected a torch.optim.Optimizer, got {type(optimizer).__name__}: give the "
                "optimizer second, the one that holds the parameter groups; of several one after "
                "the other, the step may call the rest"
            )
        if isinstance(optimizer, Optimizer) and _changes_the_step(optimizer, within[0]):
            if "_optimizer_step_pre_hooks" in vars(optimizer):
                return optimizer, alone
            alone = False
        optimizer = within[0]
    return optimizer, alone


def _changes_the_step(wrapper: Optimizer, inner: Optimizer) -> bool:
    """Return whether a copy of the wrapper ends elsewhere than a copy of what is inside."""
    try:
        ends = [_stepped(optimizer) for optimizer in (wrapper, inner)]
    except Exception:  # what has no copy, or no bare step, is looked through
        return False
    pairs = zip(*ends, strict=True)
    return not all(torch.equal(first, second) for first, second in pairs)


def _stepped(optimizer: Optimizer) -> list[torch.Tensor]:
    """Return where two steps bring a copy."""
    sizes = sum(p.numel() for group in optimizer.param_groups for p in group["params"])
    if sizes > _MOST:
        raise MemoryError
    own = copied_optimizer(optimizer, {})
    generator = torch.Generator().manual_seed(0)
    weights = [p for group in own.param_groups for p in group["params"]]
    with seeded(0):
        for _ in range(2):
            for w in weights:
                noise = torch.randn(w.shape, generator=generator)
                w.grad = noise.to(w.device, w.dtype)
            own.step()
    return [w.detach() for w in weights]


_MOST = 1 << 24  # weights of an optimizer that is copied to look at its wrapper
