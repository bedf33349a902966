"""Correct weight_decay groups, schedulers and resumed runs."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn, optim

from shrinkage import L2
from tests.builders.torch_networks import settled
from tests.mutants.audit_faults.networks import (
    INPUTS,
    OUTPUTS,
    RATE,
    STRENGTH,
    Batch,
    Model,
    Optimizer,
    batch,
    data_loss,
    network,
    normed,
    plain_step,
)
from tests.mutants.audit_faults.records import Audited, Loop, TorchAudit, loop


def grouped(model: Model, kind: Any = optim.SGD, **options: Any) -> Optimizer:
    """Return an optimizer with decay on the matrices and none on the rest."""
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": STRENGTH},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    return kind(groups, lr=RATE, **options)


def decayed(kind: Any, told: bool, **options: Any) -> TorchAudit:
    """Audit groups with biases and norms left out; `told` whether the terms are given."""
    model = normed()
    optimizer = grouped(model, kind, **options)
    terms = STRENGTH * L2() if told else None
    return TorchAudit(model, optimizer, plain_step, batch(), terms)


_DECAYED = {
    "sgd": (optim.SGD, {}),
    "momentum": (optim.SGD, {"momentum": 0.9}),
    "nesterov": (optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "adamw": (optim.AdamW, {}),
    "nadamw": (optim.NAdam, {"decoupled_weight_decay": True}),
}
DECAYED = tuple(
    Loop(
        f"weight-decay-of-{name}-{'told' if told else 'inferred'}",
        "pytorch",
        lambda kind=kind, told=told, options=options: decayed(kind, told, **options),
    )
    for name, (kind, options) in _DECAYED.items()
    for told in (True, False)
)


@loop("pytorch")
def scheduler_after_the_step() -> Audited:
    """A learning rate that falls after every step; the scheduler is made in the loop."""
    model = network()

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        plain_step(model, optimizer, data, scale)
        scheduler.step()

    return TorchAudit(model, grouped(model, optim.AdamW), training_step, batch())


@loop("pytorch")
def warmed_up_scheduler() -> Audited:
    """A run in the middle of its warm-up: the rate of this step is not the one it began with."""
    model = network()
    optimizer = grouped(model)
    scheduler = optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=10)
    for _ in range(3):
        plain_step(model, optimizer, batch(), 1.0)
        scheduler.step()
    return TorchAudit(model, optimizer, plain_step, batch())


@loop("pytorch")
def resumed_run() -> Audited:
    """Weights and optimizer read back from their state."""
    first = network()
    optimizer = grouped(first, optim.AdamW)
    plain_step(first, optimizer, batch(), 1.0)
    model = network()
    model.load_state_dict(first.state_dict())
    second = grouped(model, optim.AdamW)
    second.load_state_dict(optimizer.state_dict())
    return TorchAudit(model, second, plain_step, batch())


@loop("pytorch")
def two_rates() -> Audited:
    """A slow backbone and a fast head, each with its decay."""
    model = network()
    groups = [
        {"params": [model[0].weight], "lr": 0.1 * RATE, "weight_decay": STRENGTH},
        {"params": [model[2].weight], "lr": RATE, "weight_decay": STRENGTH},
        {"params": [model[0].bias, model[2].bias], "lr": RATE, "weight_decay": 0.0},
    ]
    return TorchAudit(model, optim.AdamW(groups), plain_step, batch(), STRENGTH * L2())


@loop("pytorch")
def frozen_layer_outside_the_gradient() -> Audited:
    """A frozen layer in a decaying group: SGD skips it, since its gradient is None."""
    model = network()
    model[0].requires_grad_(False)
    return TorchAudit(model, grouped(model, momentum=0.9), plain_step, batch())


@loop("pytorch")
def spare_layer_without_a_gradient() -> Audited:
    """A layer that this loss does not use: no gradient, no decay."""

    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.spare = nn.Linear(INPUTS, OUTPUTS), nn.Linear(INPUTS, OUTPUTS)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x)

    model = Spare()
    settled(model, torch.float64)
    return TorchAudit(model, grouped(model, optim.AdamW), plain_step, batch())


@loop("pytorch")
def step_with_a_closure() -> Audited:
    """optimizer.step(closure), the decay in the groups."""
    model = network()

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:  # noqa: ARG001
        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = data_loss(model, data)
            loss.backward()
            return loss

        optimizer.step(closure)

    return TorchAudit(model, grouped(model), training_step, batch())


@loop("pytorch")
def embedding_without_decay() -> Audited:
    """A table of words in the group without decay, its gradient dense."""
    model = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(8, OUTPUTS))
    settled(model, torch.float64)
    groups = [
        {"params": [model[2].weight], "weight_decay": STRENGTH},
        {"params": [model[0].weight, model[2].bias], "weight_decay": 0.0},
    ]
    generator = torch.Generator().manual_seed(3)
    words = torch.randint(0, 9, (5, 2), generator=generator)
    data = words, torch.randn(5, OUTPUTS, generator=generator, dtype=torch.float64)
    return TorchAudit(model, optim.AdamW(groups, lr=RATE), plain_step, data)
