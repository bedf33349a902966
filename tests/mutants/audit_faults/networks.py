"""Small PyTorch networks, one batch, and what most training loops here share.

Who uses this: the PyTorch faults and loops. Networks are the same in every call and leave the
global random state alone; biases and norm scales are not at their starting values, or their
decay would not show.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from tests.builders.torch_networks import settled
from tests.mutants.audit_faults.records import TorchAudit

RATE, STRENGTH = 0.05, 0.1
ROWS, INPUTS, OUTPUTS = 16, 5, 2

Model = nn.Module
Optimizer = Any
Batch = tuple[torch.Tensor, torch.Tensor]
# What a loop adds to the loss: of the model, and the strength of this run.
Penalty = Callable[[nn.Module, float], Any]


def network(dtype: torch.dtype = torch.float64) -> nn.Sequential:
    """Return two linear layers around a tanh: 0.weight, 0.bias, 2.weight, 2.bias."""
    model = nn.Sequential(nn.Linear(INPUTS, 6), nn.Tanh(), nn.Linear(6, OUTPUTS))
    settled(model, dtype)
    return model


class Normed(nn.Module):
    """A hidden layer, a layer norm behind a tanh, and a head: no weight is scale invariant."""

    def __init__(self, norm: str = "layer_norm") -> None:
        super().__init__()
        self.dense = nn.Linear(INPUTS, 6)
        self.add_module(norm, nn.LayerNorm(6))
        self.head = nn.Linear(6, OUTPUTS)
        self.norm_name = norm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(self.dense(x))
        return self.head(self.get_submodule(self.norm_name)(hidden))


def normed(norm: str = "layer_norm", dtype: torch.dtype = torch.float64) -> Normed:
    """Return a `Normed` with settled parameters."""
    model = Normed(norm)
    settled(model, dtype)
    return model


def batch(dtype: torch.dtype = torch.float64) -> Batch:
    """Return inputs and targets."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(ROWS, INPUTS, generator=generator)
    return x.to(dtype), torch.stack([x[:, 0], x[:, 1] * x[:, 2]], 1).to(dtype)


def data_loss(model: nn.Module, data: Batch) -> torch.Tensor:
    """Return half the mean squared error."""
    x, y = data
    return 0.5 * functional.mse_loss(model(x), y)


def plain_step(model: nn.Module, optimizer: Any, data: Batch, scale: float) -> None:  # noqa: ARG001
    """Train one step on the data alone: the penalty is in the optimizer."""
    optimizer.zero_grad()
    data_loss(model, data).backward()
    optimizer.step()


def in_the_loss(penalty: Penalty, strength: float = STRENGTH) -> Callable[..., None]:
    """Return a training step that adds penalty(model, scale·strength) to the loss."""

    def training_step(model: nn.Module, optimizer: Any, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        loss = data_loss(model, data) + penalty(model, scale * strength)
        loss.backward()
        optimizer.step()

    return training_step


def audited(
    training_step: Callable[..., None],
    terms: Any = None,
    model: nn.Module | None = None,
    *,
    optimizer: Callable[[Any], Any] | None = None,
    dtype: torch.dtype = torch.float64,
) -> TorchAudit:
    """Return the audit of a training step, on the small network under SGD unless told otherwise."""
    model = network(dtype) if model is None else model
    make = optimizer or (lambda parameters: torch.optim.SGD(parameters, lr=RATE))
    return TorchAudit(model, make(model.parameters()), training_step, batch(dtype), terms)
