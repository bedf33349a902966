"""Torch networks: settled weights, what is penalised, and how two networks compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch
from torch import nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)
Tensors = Iterable[torch.Tensor]


def settled(model: AnyModule, dtype: torch.dtype = torch.float32, *, seed: int = 1) -> AnyModule:
    """Give every parameter a value of its own, scales about 1, from a fixed seed.

    Biases and scales are not where they start, or their decay would not show; the global random
    state is left alone.
    """
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        around = 1.0 if parameter.ndim == 1 else 0.0
        drawn = torch.randn(parameter.shape, generator=generator)
        parameter.data = (around + 0.4 * drawn).to(dtype)
    return model.to(dtype)


def matrices(model: nn.Module) -> list[torch.Tensor]:
    """Return the parameters of two dimensions or more, each once."""
    return [parameter for parameter in model.parameters() if parameter.ndim > 1]


def half_squares(model: nn.Module) -> torch.Tensor:
    """Return ½ Σ w² over the matrices."""
    return sum((0.5 * w.square().sum() for w in matrices(model)), torch.zeros(()))


def absolute_values(model: nn.Module) -> torch.Tensor:
    """Return Σ |w| over the matrices."""
    return sum((w.abs().sum() for w in matrices(model)), torch.zeros(()))


def take_steps(optimizer: torch.optim.Optimizer, loss: Callable[[], Any], steps: int) -> None:
    """Take so many steps down a loss."""
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()


def parameters_of(model: nn.Module) -> list[torch.Tensor]:
    """Return copies of the parameters."""
    return [parameter.detach().clone() for parameter in model.parameters()]


def equal(first: Tensors, second: Tensors) -> bool:
    """Return whether two lists of tensors are equal to the last bit."""
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


class Adapted(nn.Module):
    """A product of two factors beside a frozen layer; the second is zero to begin with."""

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Linear(6, 3).requires_grad_(False)
        self.down, self.up = nn.Linear(6, 2, bias=False), nn.Linear(2, 3, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + self.up(self.down(x))
