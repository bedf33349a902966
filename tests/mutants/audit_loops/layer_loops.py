"""Correct PyTorch loops with tied, normalized, frozen, dropped and convolved layers."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrizations

from shrinkage import L1, L2
from tests.builders.torch_networks import absolute_values, half_squares, settled
from tests.mutants.audit_faults.networks import (
    INPUTS,
    OUTPUTS,
    RATE,
    STRENGTH,
    audited,
    batch,
    in_the_loss,
    network,
)
from tests.mutants.audit_faults.records import Audited, TorchAudit, loop


class Tied(nn.Module):
    """A network whose decoder is its encoder transposed by a shared array."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(INPUTS, INPUTS), nn.Linear(INPUTS, INPUTS)
        self.second.weight = self.first.weight
        self.head = nn.Linear(INPUTS, OUTPUTS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.second(torch.tanh(self.first(x)))))


@loop("pytorch")
def tied_weights_counted_once() -> Audited:
    """parameters() names a tied array once."""
    model = Tied()
    settled(model, torch.float64)
    step = in_the_loss(lambda model, strength: strength * half_squares(model))
    return audited(step, STRENGTH * L2(), model)


@loop("pytorch")
def weight_norm() -> Audited:
    """A layer by length and direction: the penalty is on the length, which has a scale."""
    model = network()
    parametrizations.weight_norm(model[0])

    def penalty(model: Any, strength: float):
        arrays = (model[0].parametrizations.weight.original0, model[2].weight)
        return strength * sum(0.5 * w.square().sum() for w in arrays)

    return audited(in_the_loss(penalty), STRENGTH * L2(), model)


@loop("pytorch")
def frozen_layer() -> Audited:
    """A frozen layer is in the optimizer, gets no gradient, and has no penalty."""
    model = network()
    model[0].requires_grad_(False)

    def penalty(model: Any, strength: float):
        return strength * model[2].weight.abs().sum()

    return audited(in_the_loss(penalty), (STRENGTH * L1()).on("2.weight"), model)


@loop("pytorch")
def dropout() -> Audited:
    """Dropout draws from torch's random state, which the audit fixes."""
    model = nn.Sequential(nn.Linear(INPUTS, 6), nn.Dropout(0.5), nn.Linear(6, OUTPUTS))
    settled(model, torch.float64)
    step = in_the_loss(lambda model, strength: strength * half_squares(model))
    return audited(step, STRENGTH * L2(), model)


@loop("pytorch")
def batch_norm() -> Audited:
    """Batch norm with running statistics; weights in front of it are worth a warning at most."""
    model = nn.Sequential(nn.Linear(INPUTS, 6), nn.BatchNorm1d(6), nn.Linear(6, OUTPUTS))
    settled(model, torch.float64)
    step = in_the_loss(lambda model, strength: strength * half_squares(model))
    return audited(step, STRENGTH * L2(), model)


@loop("pytorch")
def convolution() -> Audited:
    """A convolution, pooled, with L1 on all weights."""
    model = nn.Sequential(
        nn.Conv1d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * (INPUTS - 2), OUTPUTS)
    )
    settled(model, torch.float64)
    x, y = batch()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    step = in_the_loss(lambda model, strength: strength * absolute_values(model))
    return TorchAudit(model, optimizer, step, (x[:, None], y), STRENGTH * L1())


class Scaled(nn.Module):
    """A branch that begins at a millionth, as blocks with a layer scale do."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.branch = nn.Linear(INPUTS, 6), nn.Linear(INPUTS, 6)
        self.scale = nn.Parameter(torch.full((6,), 1e-6))
        self.head = nn.Linear(6, OUTPUTS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.stem(x) + self.scale * self.branch(x)))


@loop("pytorch")
def branch_that_begins_at_a_millionth_with_nesterov() -> Audited:
    """What the data moves there is lost in rounding, and tells nothing of the optimizer."""
    model = Scaled()
    settled(model, torch.float32)
    with torch.no_grad():
        model.scale.fill_(1e-6)
    make = partial(torch.optim.SGD, lr=RATE, momentum=0.9, nesterov=True)
    step = in_the_loss(lambda model, strength: strength * half_squares(model))
    return audited(step, STRENGTH * L2(), model, optimizer=make, dtype=torch.float32)
