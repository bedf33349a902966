"""Optimizers that train one point and evaluate another: schedule-free ones, averages of weights.

Who uses this: `regularize`. A shrink of the weights that are trained reaches an average of them
late and weakly, and its zeros not at all, so `decoupled` and `proximal` are refused there. They are
told by what they do, not by their names: a copy with weights of its own takes a few steps, and is
looked at before and after `eval()`.

Source: Defazio et al., The road less scheduled, NeurIPS 2024.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch.optim import Optimizer

from shrinkage.errors import UnsupportedOptimizer
from shrinkage.pytorch.optimizers.wrappers import held_by, takes_hooks
from shrinkage.terms import DECAY_RULES

_STEPS = 8  # after the first the average is the point itself; RAdam waits for six
SHRINKS = ("decoupled", "proximal", *DECAY_RULES)  # the updates that act on the weights


def check_one_point(layers: Sequence[Any], updates: Iterable[str]) -> None:
    """Refuse updates that act on the weights where those are not what is evaluated.

    Args:
        layers: an optimizer and what it wraps, as `layers_of_optimizer` gives them.
        updates: of the terms on its parameters.

    Raises:
        UnsupportedOptimizer: with the reason and what works instead.
    """
    missed = [update for update in SHRINKS if update in set(updates)]
    averaging = [layer for layer in layers if missed and evaluates_elsewhere(layer)]
    if averaging:
        raise UnsupportedOptimizer(
            f"expected an optimizer that evaluates the weights that it trains for "
            f"update={missed[0]!r}, got {type(averaging[0]).__name__}, whose eval() puts an "
            "average in their place, which a shrink reaches late and weakly: use "
            "update='gradient' or 'loss', or its own weight decay in the place of L2"
        )


def closure_at(optimizer: Optimizer, weight: torch.Tensor, closure: Callable[[], Any]) -> Any:
    """Return a closure that refuses to be called after an optimizer has moved a weight.

    It asks for gradients elsewhere than at the weights that it holds between steps (schedule-free
    ones with a closure, sharpness-aware ones), or several times; a shrink would act on either.

    Args:
        optimizer: takes the step.
        weight: one that terms act on.
        closure: the caller's.

    Raises:
        UnsupportedOptimizer: when it is called.
    """
    start = weight.detach().clone()

    def checked() -> Any:
        if not torch.equal(weight.detach(), start):
            inside = [name for name, own in vars(optimizer).items() if own in held_by(optimizer)]
            other = f", or give regularize the optimizer inside, its .{inside[0]}" if inside else ""
            raise UnsupportedOptimizer(
                f"expected one call of the closure, at the weights as they were, got one from "
                f"{type(optimizer).__name__} after it has moved them, so that a shrink would act "
                f"on another point: use update='loss'{other}"
            )
        return closure()

    return checked


def evaluates_elsewhere(optimizer: Any) -> bool:
    """Return whether `eval()` of an optimizer moves the weights.

    Args:
        optimizer: of torch, or a wrapper. It is not changed.

    >>> weight = torch.nn.Parameter(torch.ones(2))
    >>> evaluates_elsewhere(torch.optim.SGD([weight], lr=0.1))
    False
    """
    if not all(callable(getattr(optimizer, name, None)) for name in ("train", "eval")):
        return False
    try:
        with torch.enable_grad():
            return _moves(optimizer)
    except Exception:  # a step that needs more than gradients: by its two modes it has two points
        return takes_hooks(optimizer)


def _moves(optimizer: Any) -> bool:
    weights = {
        id(w): torch.nn.Parameter(torch.ones((2,) * w.ndim, dtype=w.dtype))
        for group in optimizer.param_groups
        for w in group["params"]
    }
    twin = fresh_copy(optimizer, dict(weights))
    twin.train()
    for count in range(_STEPS):
        for group in twin.param_groups:
            group["lr"] = 0.1  # that of a warm-up may be 0
        for w in weights.values():
            w.grad = torch.full_like(w, 0.1 * (count + 1))
        twin.step()
    trained = [w.detach().clone() for w in weights.values()]
    twin.eval()
    return any(not torch.equal(a, b) for a, b in zip(trained, weights.values(), strict=True))


def fresh_copy(optimizer: Any, memo: dict[int, Any]) -> Any:
    """Return a copy on the parameters in `memo`, without state and hooks."""
    own = copy.copy(optimizer) if not isinstance(optimizer, Optimizer) else _blank(optimizer)
    inside = held_by(optimizer) if not takes_hooks(optimizer) else ()
    for name, value in vars(optimizer).items():
        if name == "state":
            own.__dict__[name] = defaultdict(dict)
        elif any(value is held for held in inside):
            own.__dict__[name] = fresh_copy(value, memo)
        elif name == "param_groups":
            own.__dict__[name] = [copy.deepcopy(group, memo) for group in value]
        elif name != "step" and not name.startswith("_optimizer_"):
            own.__dict__[name] = value
    if takes_hooks(optimizer):
        own.__setstate__({})
    return own


def _blank(optimizer: Optimizer) -> Optimizer:
    kind = type(optimizer)
    return kind.__new__(kind)
