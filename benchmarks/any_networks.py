"""Networks of the kinds that people have, with made rows: what `any_network.py` compares on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

CLASSES = 5


@dataclass(frozen=True)
class Network:
    """A network, the inputs of a row, how many rows, and how it is trained."""

    name: str
    build: Callable[[int, int], nn.Module]
    inputs: Callable[[np.random.Generator, np.ndarray], object]
    count: int
    batch: int
    epochs: int = 1

    def rows(self) -> tuple[object, np.ndarray]:
        """Return rows and labels from a fixed seed."""
        y = np.arange(self.count) % CLASSES
        return self.inputs(np.random.default_rng(0), y), y


class LeNet(nn.Module):
    """LeCun et al. 1998: 61,326 weights at ten classes."""

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.dense = nn.Sequential(
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, n_outputs),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits of pictures (rows, 1, 28, 28)."""
        x = torch.max_pool2d(torch.relu(self.first(x)), 2)
        return self.dense(torch.max_pool2d(torch.relu(self.second(x)), 2).flatten(1))


class Block(nn.Module):
    """He et al. 2016."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.way = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(),
            nn.Conv2d(outside, outside, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outside),
        )
        self.short = nn.Conv2d(inside, outside, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the sum of both ways."""
        return torch.relu(self.way(x) + self.short(x))


class ResNet(nn.Module):
    """A stem and three blocks with batch norm, 8 to 32 channels."""

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8)
        self.blocks = nn.Sequential(Block(8, 8, 1), Block(8, 16, 2), Block(16, 32, 2))
        self.last = nn.Linear(32, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits of pictures (rows, 3, side, side)."""
        x = self.blocks(torch.relu(self.norm(self.stem(x))))
        return self.last(x.mean((2, 3)))


class Encoder(nn.Module):
    """A transformer encoder over words with a padding mask (Vaswani et al. 2017)."""

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self.words = nn.Embedding(200, 32, padding_idx=0)
        self.places = nn.Parameter(0.1 * torch.randn(24, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.last = nn.Linear(32, n_outputs)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """Return logits of words (rows, 24)."""
        hidden = self.words(words) + self.places
        return self.last(self.encoder(hidden, src_key_padding_mask=words == 0).mean(1))


class Bag(nn.Module):
    """The mean embedding of words (Joulin et al. 2017)."""

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(500, 32, mode="mean", padding_idx=0)
        self.last = nn.Linear(32, n_outputs)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """Return logits of words (rows, 30)."""
        return self.last(self.words(words))


class Two(nn.Module):
    """Numbers and a category."""

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self.numbers, self.category = nn.Linear(40, 32), nn.Embedding(50, 16)
        self.join = nn.Sequential(nn.LayerNorm(48), nn.ReLU(), nn.Linear(48, n_outputs))

    def forward(self, numbers: torch.Tensor, category: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        both = [torch.relu(self.numbers(numbers)), self.category(category)]
        return self.join(torch.cat(both, dim=1))


class Recurrent(nn.Module):
    """An LSTM over sequences of numbers."""

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self.layer, self.last = nn.LSTM(8, 32, batch_first=True), nn.Linear(32, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits of sequences (rows, 12, 8)."""
        return self.last(self.layer(x)[0][:, -1])


def _pictures(channels: int, side: int):
    def made(random: np.random.Generator, y: np.ndarray) -> np.ndarray:
        noise = random.normal(size=(len(y), channels, side, side))
        return (noise + 0.3 * y[:, None, None, None]).astype(np.float32)

    return made


def _words(count: int, length: int):
    def made(random: np.random.Generator, y: np.ndarray) -> tuple[np.ndarray]:
        words = random.integers(1, count, size=(len(y), length))
        words[:, 0] = 1 + y
        return (np.where(random.random(words.shape) < 0.2, 0, words),)

    return made


def _both(random: np.random.Generator, y: np.ndarray) -> dict[str, np.ndarray]:
    numbers = random.normal(size=(len(y), 40)) + y[:, None] * 0.3
    return {"numbers": numbers, "category": random.integers(0, 50, size=len(y))}


def _sequences(random: np.random.Generator, y: np.ndarray) -> np.ndarray:
    return (random.normal(size=(len(y), 12, 8)) + y[:, None, None] * 0.3).astype(np.float32)


NETWORKS = (
    Network("LeNet, 28 × 28, batch 128", lambda _, n: LeNet(n), _pictures(1, 28), 1280, 128),
    Network("LeNet, 28 × 28, batch 16", lambda _, n: LeNet(n), _pictures(1, 28), 320, 16),
    Network("ResNet, 16 × 16, batch 32", lambda _, n: ResNet(n), _pictures(3, 16), 320, 32),
    Network("transformer encoder", lambda _, n: Encoder(n), _words(200, 24), 640, 64),
    Network("embedding bag", lambda _, n: Bag(n), _words(500, 30), 1280, 128, 6),
    Network("two inputs", lambda _, n: Two(n), _both, 1280, 128, 6),
    Network("LSTM", lambda _, n: Recurrent(n), _sequences, 640, 64),
)
