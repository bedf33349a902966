"""Networks with and without weights whose size has no effect; names of layers tell nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from tests.pytorch.audits.audited_networks import CLASSES

WIDTH = 8


class Chain(nn.Module):
    """Layers under names that tell nothing: foo0, foo1, …"""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        for number, layer in enumerate(layers):
            self.add_module(f"foo{number}", layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.children():
            x = layer(x)
        return x


class Residual(nn.Module):
    """x + norm(conv(x)), with a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, WIDTH, 3, padding=1)
        self.inner, self.rest = nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.BatchNorm2d(WIDTH)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.tanh(self.stem(x))
        x = torch.relu(x + self.rest(self.inner(x)))
        return self.head(x.mean((2, 3)))


class Block(nn.Module):
    """A transformer block with its norms in front, as GPT has them."""

    def __init__(self) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(WIDTH, 2, batch_first=True)
        self.one, self.two = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 16), nn.Linear(16, WIDTH)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.one(x)
        x = x + self.attend(y, y, y, need_weights=False)[0]
        x = x + self.down(functional.gelu(self.up(self.two(x))))
        return self.head(x.mean(1))


def head() -> nn.Linear:
    return nn.Linear(WIDTH, CLASSES)


def pooled(*layers: nn.Module) -> Chain:
    """Return convolutions with a pooled head."""
    return Chain(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head())


def conv(inputs: int = 2, **options: Any) -> nn.Conv2d:
    return nn.Conv2d(inputs, WIDTH, 3, padding=1, **options)


ROWS, IMAGES, WORDS = (6,), (2, 5, 5), (4, WIDTH)
Make = Callable[[], nn.Module]
# name → network, shape of a row, parameters whose size has no effect
CASES: dict[str, tuple[Make, tuple[int, ...], set[str]]] = {
    "batch norm": (
        lambda: Chain(nn.Linear(6, WIDTH), nn.BatchNorm1d(WIDTH), nn.Tanh(), head()),
        ROWS,
        {"foo0.weight"},
    ),
    "batch norm without a bias": (
        lambda: Chain(nn.Linear(6, WIDTH, bias=False), nn.BatchNorm1d(WIDTH), nn.Tanh(), head()),
        ROWS,
        {"foo0.weight"},
    ),
    "layer norm": (
        lambda: Chain(nn.Linear(6, WIDTH), nn.LayerNorm(WIDTH), nn.Tanh(), head()),
        ROWS,
        {"foo0.weight"},
    ),
    "RMS norm": (
        lambda: Chain(nn.Linear(6, WIDTH), nn.RMSNorm(WIDTH), nn.Tanh(), head()),
        ROWS,
        {"foo0.weight"},
    ),
    "group norm": (
        lambda: pooled(conv(), nn.GroupNorm(2, WIDTH), nn.Tanh()),
        IMAGES,
        {"foo0.weight"},
    ),
    "instance norm": (
        lambda: pooled(conv(), nn.InstanceNorm2d(WIDTH), nn.Tanh()),
        IMAGES,
        {"foo0.weight"},
    ),
    "rectifier and then batch norm": (
        lambda: Chain(nn.Linear(6, WIDTH), nn.ReLU(), nn.BatchNorm1d(WIDTH), head()),
        ROWS,
        {"foo0.weight"},
    ),
    "two convolutions with batch norm": (
        lambda: pooled(
            conv(), nn.BatchNorm2d(WIDTH), nn.ReLU(), conv(WIDTH, bias=False), nn.BatchNorm2d(WIDTH)
        ),
        IMAGES,
        {"foo0.weight", "foo3.weight"},
    ),
    "a residual branch": (Residual, IMAGES, {"inner.weight"}),
    "tanh and then batch norm": (
        lambda: Chain(nn.Linear(6, WIDTH), nn.Tanh(), nn.BatchNorm1d(WIDTH), head()),
        ROWS,
        set(),
    ),
    "a norm in front": (
        lambda: Chain(nn.BatchNorm1d(6), nn.Linear(6, WIDTH), nn.ReLU(), head()),
        ROWS,
        set(),
    ),
    "a plain network": (lambda: Chain(nn.Linear(6, WIDTH), nn.ReLU(), head()), ROWS, set()),
    "a plain network of tanh": (lambda: Chain(nn.Linear(6, WIDTH), nn.Tanh(), head()), ROWS, set()),
    "one layer": (lambda: Chain(nn.Linear(6, CLASSES)), ROWS, set()),
    "dropout": (
        lambda: Chain(nn.Linear(6, WIDTH), nn.ReLU(), nn.Dropout(0.5), head()),
        ROWS,
        set(),
    ),
    "plain convolutions": (
        lambda: pooled(conv(), nn.ReLU(), conv(WIDTH), nn.ReLU()),
        IMAGES,
        set(),
    ),
    "a transformer block": (Block, WORDS, set()),
}
