"""What of a caller's model and optimizer is which of their copies.

Who uses this: `Twin`, which copies the one to the other before every run.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer


def counterparts(
    model: nn.Module, optimizer: Optimizer, own: nn.Module, own_optimizer: Optimizer
) -> dict[int, Any]:
    """Return by identity what the copies of modules, tensors and the optimizer are."""
    modules = zip(model.modules(), own.modules(), strict=True)
    tensors = tensor_pairs(model, optimizer, own, own_optimizer)
    return {id(optimizer): own_optimizer} | {id(old): new for old, new in chain(modules, tensors)}


def tensor_pairs(
    model: nn.Module, optimizer: Optimizer, own: nn.Module, own_optimizer: Optimizer
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield every tensor of the caller with its copy, once."""
    seen: set[int] = set()
    theirs = [*model.parameters(), *model.buffers()]
    copies = [*own.parameters(), *own.buffers()]
    for old, new in zip(optimizer.param_groups, own_optimizer.param_groups, strict=True):
        theirs += old["params"]
        copies += new["params"]
    for source, target in zip(theirs, copies, strict=True):
        if id(target) not in seen:
            seen.add(id(target))
            yield source, target


def state_pairs(
    optimizer: Optimizer, memo: dict[int, Any]
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the tensors of the caller's optimizer state with their copies."""
    for state in optimizer.state.values():
        for value in state.values() if isinstance(state, dict) else ():
            if isinstance(value, torch.Tensor) and isinstance(memo.get(id(value)), torch.Tensor):
                yield value, memo[id(value)]
