"""What an optimizer and its groups cannot carry: refused before a hook is registered.

Who uses this: `Attachment`. Refusals of `proximal` for want of a metric are `metric_of`'s.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from shrinkage.checks import shown
from shrinkage.errors import InputError, UnsupportedOptimizer
from shrinkage.penalties import Penalty
from shrinkage.pytorch.optimizers.motion import Metric
from shrinkage.pytorch.optimizers.registry import facts_of
from shrinkage.terms import DECAY_RULES, refuse_one_step


def check_support(optimizer: Optimizer, updates: Iterable[str]) -> None:
    """Refuse the updates that an optimizer cannot carry.

    Raises:
        UnsupportedOptimizer: with the reason and what works instead.
    """
    facts = facts_of(optimizer)
    for update in updates:
        kind = "decoupled" if update in DECAY_RULES else update
        if kind in facts.refuses:
            raise UnsupportedOptimizer(
                f"expected an optimizer that carries update={update!r}, got "
                f"{type(optimizer).__name__}: {facts.refuses[kind]}; {facts.instead}"
            )


def check_metric(optimizer: Optimizer, metric: Metric, penalties: Iterable[Penalty]) -> None:
    """Refuse penalties whose prox takes one step for all weights, where the optimizer adapts.

    Raises:
        UnsupportedOptimizer: with the reason and what works instead.
    """
    if not metric.scalar:
        refuse_one_step(penalties, type(optimizer).__name__)


def check_sharded(optimizer: Optimizer, name: str) -> None:
    """Refuse an optimizer that cannot train a parameter in shards.

    Raises:
        UnsupportedOptimizer: with the reason.
    """
    reason = facts_of(optimizer).sharding
    if reason:
        raise UnsupportedOptimizer(
            f"expected an optimizer that trains {name} in shards on several processes, got "
            f"{type(optimizer).__name__}: {reason}; use Adam or AdamW"
        )


def check_group(name: str, group: Mapping[str, Any], updates: Iterable[str]) -> None:
    """Refuse the options of a parameter group with which an update cannot be right.

    Args:
        name: of a parameter in the group, for the message.
        group: the parameter group of the optimizer.
        updates: of the terms on that parameter.

    Raises:
        UnsupportedOptimizer: no learning rate, `differentiable`, or `maximize` with "loss".
        InputError: a learning rate of 0 that no schedule will raise.
    """
    updates = tuple(updates)
    acting = any(update in ("decoupled", "proximal", *DECAY_RULES) for update in updates)
    rate: Any = group.get("lr")
    is_rate = isinstance(rate, numbers.Real) or (torch.is_tensor(rate) and rate.numel() == 1)
    if acting and not is_rate:
        raise UnsupportedOptimizer(
            f"expected a number as the learning rate of the optimizer's groups, got "
            f"{'none' if rate is None else shown(rate)} for {name}: use update='gradient' or 'loss'"
        )
    if group.get("differentiable") and updates:
        raise UnsupportedOptimizer(
            "expected an optimizer with differentiable=False, got one that is differentiated "
            "through: use penalty_loss"
        )
    if group.get("maximize") and "loss" in updates:
        raise UnsupportedOptimizer(
            f"expected update='loss' with a loss to be minimized, got maximize=True for {name}: "
            "use another update"
        )
    if is_rate and float(rate) == 0 and not float(group.get("initial_lr", 0.0)) > 0:
        raise InputError(
            f"expected a learning rate above 0, got 0 for the group of {name}, so that nothing "
            "would move: set lr, build the scheduler that raises it before regularize, or select "
            "others"
        )
