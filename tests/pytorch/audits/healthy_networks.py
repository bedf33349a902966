"""Networks as people train them, for images of 8 × 8 pixels in ten classes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn

Make = Callable[[], nn.Module]


class Residual(nn.Module):
    """Two residual blocks with batch norm, as ResNet has them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.blocks = nn.ModuleList(self._block() for _ in range(2))
        self.head = nn.Linear(16, 10)

    @staticmethod
    def _block() -> nn.Sequential:
        convolutions = (nn.Conv2d(16, 16, 3, padding=1, bias=False) for _ in range(2))
        one, two = convolutions
        return nn.Sequential(one, nn.BatchNorm2d(16), nn.ReLU(), two, nn.BatchNorm2d(16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.stem(x.view(-1, 1, 8, 8))))
        for block in self.blocks:
            x = torch.relu(x + block(x))
        return self.head(x.mean((2, 3)))


class Transformer(nn.Module):
    """Rows of the image as eight words, a block with norms in front, a mean, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(8, 32)
        self.block = nn.TransformerEncoderLayer(
            32, 4, 64, dropout=0.1, batch_first=True, norm_first=True
        )
        self.head = nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.block(self.enter(x.view(-1, 8, 8))).mean(1))


class Recurrent(nn.Module):
    """Rows of the image as a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.GRU(8, 32, batch_first=True), nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x.view(-1, 8, 8))[0][:, -1])


def dense(*widths: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return a multilayer perceptron."""
    layers: list[nn.Module] = []
    for first, second in pairwise(widths):
        layers += [nn.Linear(first, second), activation()]
    return nn.Sequential(*layers[:-1])


def convolutional() -> nn.Sequential:
    """Return two convolutions without a norm."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 10),
    )


NETWORKS: dict[str, Make] = {
    "linear": lambda: nn.Linear(64, 10),
    "perceptron": lambda: dense(64, 64, 10),
    "wide": lambda: dense(64, 512, 10),
    "deep": lambda: dense(64, 64, 64, 64, 64, 10),
    "tanh": lambda: dense(64, 64, 32, 10, activation=nn.Tanh),
    "convolutional": convolutional,
    "residual": Residual,
    "transformer": Transformer,
    "recurrent": Recurrent,
}
