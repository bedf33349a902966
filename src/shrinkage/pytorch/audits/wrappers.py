"""Optimizers around optimizers: which of the two an audit has to copy.

Who uses this: `audit`. A wrapper that only hands the step on, as Accelerate's does, is looked
through; one that changes the step, as a mask or a lookahead does, is what trains the model. Which
it is, is measured: copies of both step with the same gradients. One without hooks of its own cannot
be listened to. A loop is handed the wrapper all the same, around the copy, since it may decide when
a step is taken.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch.optim import Optimizer

from shrinkage.errors import InputError
from shrinkage.pytorch.audits.optimizer_copies import copied_optimizer
from shrinkage.pytorch.audits.step_call import seeded
from shrinkage.pytorch.audits.twin import Twin


def rewrapped(wrapper: Any, inner: Optimizer, twin: Twin) -> Any:
    """Return a copy of a wrapper around a twin's optimizer, in the place of the one that it holds.

    What takes no steps is no wrapper for a loop: it has what is within. Parameters, groups and
    modules that the wrapper knows are the twin's in the copy.
    """
    if wrapper is inner:
        return twin.optimizer
    within = {
        name: rewrapped(value, inner, twin)
        for name, value in vars(wrapper).items()
        if isinstance(value, Optimizer)
    }
    if not callable(getattr(wrapper, "step", None)) and not isinstance(wrapper, Optimizer):
        return next(iter(within.values()))
    pairs = zip(inner.param_groups, twin.optimizer.param_groups, strict=True)
    known = twin.counterparts | {id(theirs): own for theirs, own in pairs}
    known[id(inner.param_groups)] = twin.optimizer.param_groups
    again = object.__new__(type(wrapper))
    own = {name: _exchanged(value, known) for name, value in vars(wrapper).items()}
    vars(again).update(own | within)
    return again


def _exchanged(value: Any, known: dict[int, Any]) -> Any:
    """Return a value with what has a counterpart exchanged for it, in containers too."""
    if id(value) in known:
        return known[id(value)]
    if isinstance(value, defaultdict):
        return defaultdict(value.default_factory, _exchanged(dict(value), known))
    if type(value) is dict:
        return {_exchanged(key, known): _exchanged(one, known) for key, one in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(_exchanged(one, known) for one in value)
    return value


def held_alone(optimizer: Optimizer) -> Optimizer | None:
    """Return the one optimizer inside of another, on the same parameters; None where none is."""
    within = [value for value in vars(optimizer).values() if isinstance(value, Optimizer)]
    if len(within) != 1 or _held(within[0]) != _held(optimizer):
        return None
    return within[0]


def _held(optimizer: Optimizer) -> set[int]:
    return {id(p) for group in optimizer.param_groups for p in group["params"]}


def stepping(optimizer: Any) -> tuple[Optimizer, bool]:
    """Return the optimizer whose step is the step: a wrapper that changes it, or what is inside.

    And whether that is all of the step: a wrapper that cannot be listened to may change it too.

    Raises:
        InputError: there is none inside, or more than one.
    """
    alone = True
    while not isinstance(optimizer, Optimizer) or not vars(optimizer).keys() >= _INITIALISED:
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


_INITIALISED = {"param_groups", "_optimizer_step_pre_hooks"}  # a subclass may leave that out
_MOST = 1 << 24  # weights of an optimizer that is copied to look at its wrapper
