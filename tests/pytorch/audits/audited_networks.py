"""Small networks, batches and training steps that the tests of the PyTorch audit share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from tests.builders.torch_networks import settled

INPUTS, CLASSES, ROWS = 6, 3, 24
Step = Callable[..., None]


def network() -> nn.Sequential:
    """Return a plain network: 0.weight, 0.bias, 2.weight, 2.bias."""
    return settled(nn.Sequential(nn.Linear(INPUTS, 8), nn.Tanh(), nn.Linear(8, CLASSES)))


def data(rows: int = ROWS, shape: tuple[int, ...] = (INPUTS,)) -> tuple[Any, Any]:
    """Return inputs and classes."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(rows, *shape, generator=generator)
    return x, torch.randint(CLASSES, (rows,), generator=generator)


def plain_step(model: nn.Module, optimizer: Any, batch: Any) -> None:
    """Train on the data alone: the penalty is in the optimizer."""
    optimizer.zero_grad()
    functional.cross_entropy(model(batch[0]), batch[1]).backward()
    optimizer.step()


def step_with(penalty: Callable[[nn.Module], Any], strength: float) -> Step:
    """Return a step with scale·strength·penalty in the loss."""

    def training_step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(batch[0]), batch[1])
        (loss + scale * strength * penalty(model)).backward()
        optimizer.step()

    return training_step


def where(report: Any, rule: str) -> set[str]:
    """Return the parameters that have a finding of a rule."""
    return {one.parameter for one in report.findings if one.rule == rule}


def decayed(model: nn.Module, kind: Any = torch.optim.SGD, **options: Any) -> Any:
    """Return an optimizer with weight_decay on the matrices only."""
    matrices = [w for w in model.parameters() if w.ndim > 1]
    rest = [w for w in model.parameters() if w.ndim < 2]
    groups = [{"params": matrices}, {"params": rest, "weight_decay": 0.0}]
    return kind(groups, **{"lr": 0.01, "weight_decay": 0.02} | options)
