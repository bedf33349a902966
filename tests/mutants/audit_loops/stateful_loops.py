"""Correct loops with a state of their own: what they count, draw, set and keep."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import nn, optim
from torch.optim import AdamW

from shrinkage import L2
from tests.builders.torch_networks import half_squares, matrices, settled
from tests.mutants.audit_faults.networks import (
    INPUTS,
    OUTPUTS,
    RATE,
    STRENGTH,
    Batch,
    Model,
    Optimizer,
    audited,
    batch,
    data_loss,
    in_the_loss,
    network,
    plain_step,
)
from tests.mutants.audit_faults.records import Audited, TorchAudit, loop

PENALISED = in_the_loss(lambda model, strength: strength * half_squares(model))
STEPS = 0


@loop("pytorch")
def lbfgs_with_a_history() -> Audited:
    """The steps within the step mix all parameters, so that biases end elsewhere too."""

    def training_step(model: Model, optimizer: Any, data: Batch, scale: float) -> None:
        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = data_loss(model, data) + scale * STRENGTH * half_squares(model)
            loss.backward()
            return loss

        optimizer.step(closure)

    kind = optim.LBFGS
    return audited(training_step, STRENGTH * L2(), optimizer=lambda p: kind(p, max_iter=4))


@loop("pytorch")
def decay_set_in_every_step() -> Audited:
    """The loop writes λ into the groups; the optimizer was built without."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        for group in optimizer.param_groups:
            group["weight_decay"] = STRENGTH
        plain_step(model, optimizer, data, scale)

    model = network()
    return TorchAudit(
        model, AdamW(matrices(model), lr=RATE, weight_decay=0.0), training_step, batch()
    )


@loop("pytorch")
def decay_set_by_a_schedule_that_counts() -> Audited:
    """As DINO's: the decay rises with a counter, which is set back before every run."""
    count = 0

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        nonlocal count
        count += 1
        for group in optimizer.param_groups:
            group["weight_decay"] = STRENGTH * count
        plain_step(model, optimizer, data, scale)

    model = network()
    optimizer = AdamW(matrices(model), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, training_step, batch())


@loop("pytorch")
def strength_that_is_warmed_up_by_a_global() -> Audited:
    """The first step of a warm-up over ten has a tenth of the strength."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        global STEPS
        STEPS += 1
        PENALISED(model, optimizer, data, scale * min(1.0, STEPS / 10))

    return audited(training_step, 0.1 * STRENGTH * L2())


class Noisy:
    """Noise from four generators of one's own, and rows from a list that is walked through."""

    def __init__(self) -> None:
        self.torch, self.numpy = torch.Generator().manual_seed(1), np.random.default_rng(1)
        self.older, self.python = np.random.RandomState(1), random.Random(1)
        self.rows = iter(range(100))

    def __call__(self, model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        shift = self.numpy.normal() + self.older.normal() + self.python.random()
        start = next(self.rows) % 4
        x = data[0][start:] + 0.1 * torch.randn(data[0][start:].shape, generator=self.torch)
        PENALISED(model, optimizer, (x + 0.1 * shift, data[1][start:]), scale)


@loop("pytorch")
def generators_of_ones_own() -> Audited:
    """They are set back before every run, so that the runs see the same noise."""
    return audited(Noisy(), STRENGTH * L2())


@loop("pytorch")
def batch_that_is_changed_in_place() -> Audited:
    """The step normalizes the batch that it was given."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        data[0].sub_(data[0].mean(0)).mul_(1.1)
        PENALISED(model, optimizer, data, scale)

    return audited(training_step, STRENGTH * L2())


class Recurrent(nn.Module):
    """A network that keeps its hidden state, and a buffer that it replaces."""

    seen: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.Linear(INPUTS + 4, 4), nn.Linear(4, OUTPUTS)
        self.hidden: torch.Tensor | None = None
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = x.new_zeros(len(x), 4) if self.hidden is None else self.hidden.detach()
        self.hidden = torch.tanh(self.cell(torch.cat([x, hidden], 1)))
        self.seen = self.seen + 1
        return self.head(self.hidden) / self.seen


@loop("pytorch")
def hidden_state_that_stays() -> Audited:
    """Truncated backpropagation: the state of the last step is in the model, with its graph."""
    model = settled(Recurrent(), torch.float64)
    model(batch()[0])
    return audited(PENALISED, STRENGTH * L2(), model)


class ByTheLoss(optim.Optimizer):
    """Polyak's step, as far as the loss is large; its step has to be told the loss."""

    def __init__(self, parameters: Any, lr: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, loss: torch.Tensor) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for w in group["params"]:
                w.mul_(1 - group["lr"] * group["weight_decay"])
                w.sub_(w.grad, alpha=group["lr"] * min(1.0, float(loss)))


@loop("pytorch")
def step_that_is_told_the_loss() -> Audited:
    """optimizer.step(loss), with the optimizer's own decay."""

    def training_step(model: Model, optimizer: ByTheLoss, data: Batch, scale: float) -> None:  # noqa: ARG001
        optimizer.zero_grad()
        loss = data_loss(model, data)
        loss.backward()
        optimizer.step(loss.detach())

    model = network()
    optimizer = ByTheLoss(matrices(model), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, training_step, batch())


@loop("pytorch")
def scale_by_name_only() -> Audited:
    """training_step(model, optimizer, batch, *, scale)."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, *, scale: float) -> None:
        PENALISED(model, optimizer, data, scale)

    return audited(training_step, STRENGTH * L2())


@loop("pytorch")
def thawed_by_the_step() -> Audited:
    """The first layer is frozen until the step lets it train."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        model.requires_grad_(True)
        PENALISED(model, optimizer, data, scale)

    model = network()
    model[0].requires_grad_(False)
    return audited(training_step, STRENGTH * L2(), model)
