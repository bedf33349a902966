"""A small network, its loss and its training loop, for the tests of this folder."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import SGD

from tests.builders.torch_networks import parameters_of, take_steps


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 1)).double()


def loss_of(model: nn.Module) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(32, 6, generator=generator, dtype=torch.float64)
    return 0.5 * (model(x).squeeze() - x[:, 0]).square().mean()


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 10) -> list:
    take_steps(optimizer, lambda: loss_of(model), steps)
    return parameters_of(model)


def sgd(model: nn.Module, **options) -> SGD:
    return SGD(model.parameters(), lr=0.05, **options)
