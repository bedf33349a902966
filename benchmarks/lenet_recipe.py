"""The one recipe of LeNet-300-100: dense first, then ever sparser in Adam's metric, then refitted.

Who uses this: `benchmarks/lenet.py`. It is the sparsity path of `fit_path(…, goal=…)` with a longer
schedule, soft targets and averaged weights, on steps that visit weights that are not zero alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from lenet_network import FULL, MAPS, Digits, SparseNetwork, Steps, outputs
from torch import nn

from shrinkage.penalties import Cardinality

PARTS = 4
"""Projections in an epoch."""
MASKS = 4096


@dataclass(frozen=True)
class Network:
    """A network that is to become small.

    Args:
        shapes: of the weights, (outputs, inputs).
        sides: of the maps that a convolution reads, 0 of the other layers.
        rows: of a step.
        dropped: share of what each layer reads that a dense step leaves out.
    """

    shapes: tuple[tuple[int, int], ...]
    sides: tuple[int, ...]
    rows: int
    dropped: tuple[float, ...]

    @property
    def weights(self) -> int:
        """Return how many weights there are."""
        return sum(a * b for a, b in self.shapes)


LENET_300_100 = Network(*FULL, 128, (0.2, 0.4, 0.3))
LENET_5 = Network(*MAPS, 64, (0.0, 0.0, 0.3, 0.5))
WIDE = Network(((1000, 784), (1000, 1000), (10, 1000)), (0, 0, 0), 128, (0.2, 0.5, 0.5))
"""A dense network that only says soft targets."""
Arrays = tuple[list[torch.Tensor], list[torch.Tensor]]
"""Weights and biases of each layer."""


@dataclass(frozen=True)
class Recipe:
    """How a dense network becomes a small one.

    Args:
        begin: compression of the first projection.
        way: epochs on the way to the size, a projection every quarter of one.
        stay: epochs on the support that is left, the rate along a cosine.
        way_rate: learning rate on the way.
        stay_rate: the largest on the support.
        steps: what a step is.
    """

    begin: float = 12.0
    way: int = 40
    stay: int = 60
    way_rate: float = 1e-3
    stay_rate: float = 2e-3
    steps: Steps = field(default_factory=lambda: Steps(hard=0.3))


def started(network: Network) -> Arrays:
    """Return weights and biases as He et al. (2015) start them."""
    pairs = network.shapes
    w = [(torch.randn(a, b) * math.sqrt(2 / b)).requires_grad_() for a, b in pairs]
    return w, [torch.zeros(a).requires_grad_() for a, _ in pairs]


def dense(
    network: Network, pixels: np.ndarray, labels: np.ndarray, seed: int, epochs: int
) -> Arrays:
    """Return a dense network: dropout, Adam along a cosine, decay, averaged weights.

    Masks are pieces of one: drawing them anew takes as long as a whole step.
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

    total, step = epochs * (len(x) // network.rows), 0
    for _ in range(epochs):
        order = torch.randperm(len(x))[: len(x) // network.rows * network.rows]
        for rows in order.split(network.rows):
            rate = 2e-3 * 0.5 * (1 + math.cos(math.pi * step / total)) * min(1, (step + 1) / 300)
            optimizer.param_groups[0]["lr"] = rate
            said = outputs(w, b, network.sides, x[rows].float() / 255, drop)
            optimizer.zero_grad()
            nn.functional.cross_entropy(said, y[rows]).backward()
            optimizer.step()
            step += 1
            if step % 5 == 0:
                share = 1 - min(0.99, step / (step + 50))
                torch._foreach_lerp_(average, [own.detach() for own in (*w, *b)], share)
    return average[: len(w)], average[len(w) :]


def answers(network: Network, arrays: Arrays, pixels: np.ndarray) -> torch.Tensor:
    """Return what a network says of pictures, (rows, 10)."""
    with torch.no_grad():
        blocks = torch.from_numpy(pixels).split(2000)
        return torch.cat([outputs(*arrays, network.sides, own.float() / 255) for own in blocks])


def soft_targets(
    network: Network, starts: Sequence[Arrays], pixels: np.ndarray, temperature: float
) -> np.ndarray:
    """Return the mean probabilities of dense networks at a temperature, (rows, 10)."""
    said = (answers(network, own, pixels) / temperature for own in starts)
    return torch.stack([own.softmax(1) for own in said]).mean(0).numpy()


def module_of(arrays: Arrays) -> nn.Sequential:
    """Return LeNet-300-100 as a plain module."""
    linear = [nn.Linear(own.shape[1], own.shape[0]) for own in arrays[0]]
    model = nn.Sequential(linear[0], nn.ReLU(), linear[1], nn.ReLU(), linear[2])
    with torch.no_grad():
        for layer, own, bias in zip(linear, *arrays, strict=True):
            layer.weight.copy_(own)
            layer.bias.copy_(bias)
    return model.eval()


def judged(network: SparseNetwork) -> Arrays:
    """Return a network's averaged weights and biases."""
    pairs = network.judged()
    return [torch.from_numpy(w) for w, _ in pairs], [torch.from_numpy(b.copy()) for _, b in pairs]


Project = Callable[[SparseNetwork, float], None]
"""`project(network, done)` brings a network as far down as it is to be when `done`, 0 to 1."""


def to_count(begin: int, end: int) -> Project:
    """Return the projection to a number of weights, geometric from `begin` to `end`."""

    def project(network: SparseNetwork, done: float) -> None:
        largest(network, round(begin ** (1 - done) * end**done))

    return project


def to_units(sizes: tuple[int, int, int]) -> Project:
    """Return the projection to whole pixels and units, so many of each layer, geometric to it."""

    def project(network: SparseNetwork, done: float) -> None:
        squares = [own * own for own in metric(network)]
        scores = (
            squares[0].sum(0),
            squares[0].sum(1) + squares[1].sum(0),
            squares[1].sum(1) + squares[2].sum(0),
        )
        pixels, first, second = (
            Cardinality(keep=round(len(score) ** (1 - done) * end**done)).prox(np.sqrt(score), 1.0)
            > 0
            for end, score in zip(sizes, scores, strict=True)
        )
        every = np.ones(len(network.weights[2]), bool)
        pairs = ((first, pixels), (second, first), (every, second))
        network.keep([np.outer(to, origin) for to, origin in pairs])

    return project


def largest(network: SparseNetwork, count: int) -> None:
    """Keep the largest weights in the metric, of those that lead from a pixel to an output."""
    reach = [np.ones_like(own) for own in network.weights]
    for _ in range(4):  # what a dead unit held goes to others
        scores = [own * live for own, live in zip(metric(network), reach, strict=True)]
        flat = np.concatenate([own.ravel() for own in scores])
        kept = Cardinality(keep=min(count, len(flat))).prox(flat, 1.0) > 0
        places = np.split(kept, np.cumsum([own.size for own in scores])[:-1])
        places = [own.reshape(w.shape) for own, w in zip(places, network.weights, strict=True)]
        reach = _live(places, network.weights)
    network.keep(places)


def _live(places: list[np.ndarray], weights: list[np.ndarray]) -> list[np.ndarray]:
    """Return 1 where a weight leads from a unit that hears to a unit that is heard, else 0."""
    units = [own.any(1) & _by_unit(above.any(0), len(own)) for own, above in pairwise(places)]
    ahead = [*units, np.ones(len(weights[-1]), bool)]
    behind = [np.ones(weights[0].shape[1], bool), *units]
    return [
        np.outer(to, np.repeat(origin, own.shape[1] // len(origin))).astype(np.float32)
        for to, origin, own in zip(ahead, behind, weights, strict=True)
    ]


def _by_unit(read: np.ndarray, units: int) -> np.ndarray:
    """Return which units are read at any of their places."""
    return read.reshape(units, -1).any(1)


def metric(network: SparseNetwork) -> list[np.ndarray]:
    """Return √(w²/step) of each weight in Adam's metric, up to a factor; |w| before any step."""
    pairs = zip(network.weights, network.squares, strict=True)
    if not network.taken:
        return [np.abs(own) for own in network.weights]
    return [np.abs(own) * np.maximum(square, 1e-16) ** 0.25 for own, square in pairs]


def shrunk(
    network: Network,
    start: Arrays,
    digits: Digits,
    recipe: Recipe,
    project: Project,
    seed: int,
    watch: Callable[[SparseNetwork], None] | None = None,
) -> SparseNetwork:
    """Return a network that went down from a dense one and was refitted on what is left.

    Args:
        network: what it is.
        start: the dense weights and biases.
        digits: rows, labels and soft targets.
        recipe: how.
        project: where to.
        seed: of the order of the rows.
        watch: called after every fifth epoch on the support.
    """
    arrays = [[own.detach().numpy() for own in some] for some in start]
    small = SparseNetwork(*arrays, network.sides, network.rows)
    generator, size = np.random.default_rng(seed), network.rows
    project(small, 0.0)
    for epoch in range(recipe.way + recipe.stay):
        order = generator.permutation(len(digits.pixels))
        order = order[: len(order) // size * size].reshape(-1, size)
        for part, some in enumerate(np.array_split(order, PARTS)):
            now = epoch * PARTS + part
            rates = np.full(len(some), _rate(recipe, now))
            small.train(digits, some, rates, recipe.steps, int(generator.integers(2**31)))
            if now < recipe.way * PARTS:
                share = min(1.0, (now + 1) / (recipe.way * PARTS - 1))
                project(small, 1 - (1 - share) ** 3)
        if epoch == recipe.way - 1:
            small.start_averages()
        if watch is not None and epoch >= recipe.way and epoch % 5 == 4:
            watch(small)
    return small


def _rate(recipe: Recipe, part: int) -> float:
    """Return the learning rate of a quarter of an epoch: even on the way, then along a cosine."""
    beyond, total = part - recipe.way * PARTS, recipe.stay * PARTS
    if beyond < 0:
        return recipe.way_rate
    warm = min(1.0, (beyond + 1) / PARTS)
    return recipe.stay_rate * warm * 0.5 * (1 + math.cos(math.pi * beyond / total))
