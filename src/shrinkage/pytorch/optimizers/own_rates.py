"""Optimizers that find their own learning rate: by which numbers of their groups they step.

Who uses this: `Attachment`, for updates that take the learning rate, and the audit. Prodigy and
D-Adaptation step by lr·d, with a d in their groups that they raise themselves, from 1e-6 say; a
shrink by lr alone would be a million times too strong. Such numbers are told by what they do, not
by their names: the step doubles with them as it does with lr, and steps change them.

Source: Mishchenko and Defazio, Prodigy (ICML 2024); Defazio and Mishchenko, Learning-rate-free
learning by D-Adaptation (ICML 2023).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.optim import Optimizer

from shrinkage.pytorch.optimizers.averages import fresh_copy
from shrinkage.pytorch.optimizers.base import UNKNOWN
from shrinkage.pytorch.optimizers.registry import facts_of

_STEPS = 8
_ALIKE = 1e-3
_SIDE = 2
_COPIED, _TORCHS = ("state", "param_groups", "defaults", "step"), ("_optimizer_", "_zero_grad_")
_PLAIN = (int, float, str, type(None))


def own_rates(optimizer: Optimizer) -> tuple[str, ...]:
    """Return the names of numbers in an optimizer's groups that multiply its learning rate.

    Args:
        optimizer: it is not changed; of a class that is known there are none.

    >>> own_rates(torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1))
    ()
    """
    if facts_of(optimizer) is not UNKNOWN or not _is_alone(optimizer):
        return ()
    with torch.enable_grad(), torch.random.fork_rng(devices=()):
        return _found(optimizer, noted=True) or _found(optimizer, noted=False)


def _found(optimizer: Optimizer, *, noted: bool) -> tuple[str, ...]:
    """Return such names, what steps have noted in the groups kept or left out."""
    try:
        changing = _changing(optimizer, noted=noted)
        names = [name for name in changing if _doubles(optimizer, name, noted=noted)]
        return tuple(names) if names and _doubles(optimizer, "lr", noted=noted) else ()
    except Exception:  # a step that needs more than gradients says nothing
        return ()


def rate_of(group: Mapping[str, Any], names: Sequence[str]) -> float:
    """Return a group's learning rate times such numbers.

    >>> rate_of({"lr": 0.5, "d": 0.25}, ("d",))
    0.125
    """
    return math.prod(float(group[name]) for name in ("lr", *names))


def _is_alone(optimizer: Optimizer) -> bool:
    """Return whether an optimizer keeps nothing beside groups and state but data of its own."""
    return all(map(_is_data, _beside(optimizer).values()))


def _beside(optimizer: Optimizer) -> dict[str, Any]:
    """Return what an optimizer keeps beside its groups and its state."""
    own = vars(optimizer).items()
    return {n: v for n, v in own if n not in _COPIED and not n.startswith(_TORCHS)}


def _is_data(value: Any) -> bool:
    """Return whether a value can be copied whole: numbers, tensors, lists and mappings of them."""
    if isinstance(value, dict):
        return all(_is_data(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple | set):
        return all(map(_is_data, value))
    return isinstance(value, (*_PLAIN, torch.Tensor))


def _changing(optimizer: Optimizer, *, noted: bool) -> list[str]:
    """Return the numbers of the first group that steps change."""
    if not any(_numbers(group).keys() - {"lr", "weight_decay"} for group in optimizer.param_groups):
        return []
    twin, weights = _fresh(optimizer, noted=noted)
    before = _numbers(twin.param_groups[0])
    for count in range(_STEPS):
        _step(twin, weights, count)
    after = _numbers(twin.param_groups[0])
    return [n for n, value in before.items() if after.get(n, value) != value and value]


def _doubles(optimizer: Optimizer, name: str, *, noted: bool) -> bool:
    """Return whether the first step is twice as long where a number of all groups is doubled."""
    moves = []
    for factor in (1, 2):
        twin, weights = _fresh(optimizer, noted=noted)
        for group in twin.param_groups:
            group[name] = group[name] * factor
        start = [w.detach().clone() for w in weights]
        _step(twin, weights, 0)
        moves.append(
            torch.cat([(w - s).detach().reshape(-1) for w, s in zip(weights, start, strict=True)])
        )
    once, twice = moves
    size = float(once.norm())
    return size > 0 and float((twice - 2 * once).norm()) <= _ALIKE * size


def _numbers(group: Mapping[str, Any]) -> dict[str, float]:
    items = ((name, value) for name, value in group.items() if _is_number(value))
    return {name: float(value) for name, value in items if math.isfinite(value)}


def _is_number(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.numel() == 1
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fresh(optimizer: Optimizer, *, noted: bool) -> tuple[Any, list[torch.nn.Parameter]]:
    """Return a copy as it was at first, on small weights in float64, without a decay of its own.

    Numbers in its groups that its constructor has no default for may be what steps have noted,
    as sums that a rate is found from: `noted` keeps them.
    """
    weights = {
        id(w): torch.nn.Parameter(torch.ones((_SIDE,) * w.ndim, dtype=torch.float64))
        for group in optimizer.param_groups
        for w in group["params"]
    }
    memo = dict(weights)
    twin = fresh_copy(optimizer, memo)
    vars(twin).update(copy.deepcopy(_beside(optimizer), memo))  # a step writes into them
    first = {name: v for name, v in optimizer.defaults.items() if _is_number(v)}
    for group in twin.param_groups:
        for name in _numbers(group).keys() - optimizer.defaults.keys() if not noted else ():
            del group[name]
        group.update(copy.deepcopy(first))
        if group.get("weight_decay"):
            group["weight_decay"] = 0.0
    return twin, list(weights.values())


def _step(twin: Any, weights: Sequence[torch.nn.Parameter], count: int) -> None:
    for w in weights:
        w.grad = torch.full_like(w, 0.1 * (count + 1))
    twin.step()
