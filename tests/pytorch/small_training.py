"""A small network, its loss and its training loop, for the tests of this folder."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import SGD


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 1)).double()


def loss_of(model: nn.Module) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(32, 6, generator=generator, dtype=torch.float64)
    return 0.5 * (model(x).squeeze() - x[:, 0]).square().mean()


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 10) -> list:
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()
    return weights_of(model)


def weights_of(model: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def equal(first: list, second: list) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def sgd(model: nn.Module, **options) -> SGD:
    return SGD(model.parameters(), lr=0.05, **options)
