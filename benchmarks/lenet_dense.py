"""Dense networks: the start of a small one, or what says its soft targets.

Who uses this: `benchmarks/lenet.py`. They are kept under a digest of this file, so that what is
changed elsewhere trains none of them anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from shrinkage.paths.engines.precision import is_there

MASKS = 4096
"""Pictures for which a layer's dropout is drawn, before training."""
FULL = ((300, 784), (100, 300), (10, 100)), (0, 0, 0)
MAPS = ((20, 25), (50, 500), (500, 800), (10, 500)), (28, 12, 0, 0)
"""Shapes of the weights and sides of the maps of LeNet-300-100 and of LeNet-5."""


@dataclass(frozen=True)
class Network:
    """A network that is to become small.

    Args:
        shapes: of the weights, (outputs, inputs).
        sides: of the maps that a convolution reads, 0 of the other layers.
        rows: of a step.
        dropped: share of what each layer reads that a dense step leaves out.
        push: Euclidean length by which a dense step moves each picture along the gradient of its
            loss, for half of the loss (Goodfellow et al. 2015, in the norm of Miyato et al. 2018).
    """

    shapes: tuple[tuple[int, int], ...]
    sides: tuple[int, ...]
    rows: int
    dropped: tuple[float, ...]
    push: float

    @property
    def weights(self) -> int:
        """Return how many weights there are."""
        return sum(a * b for a, b in self.shapes)


LENET_300_100 = Network(*FULL, 128, (0.0, 0.0, 0.0), push=1.0)
LENET_5 = Network(*MAPS, 64, (0.0, 0.0, 0.0, 0.0), push=1.0)
Arrays = tuple[list[torch.Tensor], list[torch.Tensor]]
"""Weights and biases of each layer."""
Drop = Callable[[int, torch.Tensor], torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def outputs(
    w: Sequence[torch.Tensor],
    b: Sequence[torch.Tensor],
    sides: tuple[int, ...],
    x: torch.Tensor,
    drop: Drop = lambda _, x: x,
) -> torch.Tensor:
    """Return what a network answers to rows of pixels from 0 to 1, (rows, 10), by torch.

    `drop(layer, x)` is what a layer reads.
    """
    for layer, (own, bias, side) in enumerate(zip(w, b, sides, strict=True)):
        x = drop(layer, x if side else x.flatten(1))
        if side:
            kernel = own.view(len(own), -1, 5, 5)
            maps = x.reshape(len(x), -1, side, side).contiguous(memory_format=torch.channels_last)
            x = nn.functional.max_pool2d(nn.functional.conv2d(maps, kernel, bias), 2).relu()
        else:
            x = nn.functional.linear(x, own, bias)
            x = x.relu() if layer < len(w) - 1 else x
    return x


def started(network: Network) -> Arrays:
    """Return weights and biases as He et al. (2015) start them."""
    pairs = network.shapes
    w = [(torch.randn(a, b) * math.sqrt(2 / b)).requires_grad_() for a, b in pairs]
    return w, [torch.zeros(a).requires_grad_() for a, _ in pairs]


def dense(
    network: Network, pixels: np.ndarray, labels: np.ndarray, seed: int, epochs: int
) -> Arrays:
    """Return a dense network: dropout or push, Adam along a cosine, decay, averaged weights.

    Masks are pieces of one: drawing them anew takes as long as a whole step. Where there are maps,
    products are in bfloat16 if the processor has them.
    """
    torch.manual_seed(seed)
    w, b = started(network)
    optimizer = torch.optim.AdamW([*w, *b], lr=2e-3, weight_decay=0.01, fused=True)
    average = [own.detach().clone() for own in (*w, *b)]
    x, y = torch.from_numpy(pixels), torch.from_numpy(labels.astype(np.int64))
    masks = [
        (torch.rand(MASKS, size) >= share).float() / (1 - share)
        for share, (_, size) in zip(network.dropped, network.shapes, strict=True)
    ]

    def drop(layer: int, rows: torch.Tensor) -> torch.Tensor:
        if not network.dropped[layer]:
            return rows
        start = int(torch.randint(MASKS - len(rows), ()))
        return rows * masks[layer][start : start + len(rows)]

    narrow = any(network.sides) and is_there("cpu")

    def loss(some: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
            said = outputs(w, b, network.sides, some, drop)
        return nn.functional.cross_entropy(said.float(), classes)

    total, step = epochs * (len(x) // network.rows), 0
    for _ in range(epochs):
        order = torch.randperm(len(x))[: len(x) // network.rows * network.rows]
        for rows in order.split(network.rows):
            rate = 2e-3 * 0.5 * (1 + math.cos(math.pi * step / total)) * min(1, (step + 1) / 300)
            optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad()
            backward(loss, x[rows].float() / 255, y[rows], network.push)
            optimizer.step()
            step += 1
            if step % 5 == 0:
                share = 1 - min(0.99, step / (step + 50))
                for old, own in zip(average, (*w, *b), strict=True):
                    old.lerp_(own.detach(), share)
    return average[: len(w)], average[len(w) :]


def backward(loss: Loss, x: torch.Tensor, y: torch.Tensor, push: float) -> None:
    """Add up the gradients of a loss at rows of a class each, half of it where they are pushed."""
    if not push:
        loss(x, y).backward()
        return
    (0.5 * loss(x.requires_grad_(), y)).backward()
    along = x.grad
    assert along is not None
    moved = x.detach() + push * along / (along.norm(dim=1, keepdim=True) + 1e-12)
    (0.5 * loss(moved, y)).backward()


def answers(network: Network, arrays: Arrays, pixels: np.ndarray) -> torch.Tensor:
    """Return what a network says of pictures, (rows, 10)."""
    with torch.no_grad():
        blocks = torch.from_numpy(pixels).split(2000)
        return torch.cat([outputs(*arrays, network.sides, own.float() / 255) for own in blocks])


def soft_targets(
    teachers: Sequence[tuple[Network, Arrays]], pixels: np.ndarray, temperature: float
) -> np.ndarray:
    """Return the mean probabilities of dense networks at a temperature, (rows, 10)."""
    said = (answers(*own, pixels) / temperature for own in teachers)
    return torch.stack([own.softmax(1) for own in said]).mean(0).numpy()
