"""The one recipe of LeNet-300-100: dense first, then ever sparser in Adam's metric, then refitted.

Who uses this: `benchmarks/lenet.py`. It is the sparsity path of `fit_path(…, goal=…)` with a longer
schedule, soft targets and averaged weights, on steps that visit weights that are not zero alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import torch
from lenet_dense import Arrays, Network
from lenet_network import Digits, SparseNetwork, Steps
from torch import nn

from shrinkage.penalties import Cardinality

PARTS = 4
"""Projections in an epoch."""
ROUNDS = 4
"""Times that weights are sought anew for those of units that died."""


@dataclass(frozen=True)
class Recipe:
    """How a dense network becomes a small one.

    Args:
        begin: compression of the first projection.
        way: epochs on the way to the size, a projection every quarter of one.
        stay: epochs on the support that is left, the rate along a cosine.
        way_rate: learning rate on the way.
        stay_rate: the largest on the support.
        lasso: strength of L1 at the start of the way, by its prox in Adam's metric; it falls to 0.
        steps: what a step is.
    """

    begin: float = 2.5
    way: int = 40
    stay: int = 60
    way_rate: float = 1e-3
    stay_rate: float = 2e-3
    lasso: float = 0.0
    steps: Steps = field(default_factory=lambda: Steps(hard=0.3))


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
    at = [np.nonzero(own) for own in network.weights]
    scores = [own[some] for own, some in zip(metric(network), at, strict=True)]
    ends = np.cumsum([len(own) for own in scores])[:-1]
    reach = [np.ones_like(own) for own in scores]
    for _ in range(ROUNDS):  # what a dead unit held goes to others
        flat = np.concatenate([own * live for own, live in zip(scores, reach, strict=True)])
        kept = np.split(Cardinality(keep=min(count, len(flat))).prox(flat, 1.0) > 0, ends)
        places = [np.zeros(own.shape, bool) for own in network.weights]
        for place, some, own in zip(places, at, kept, strict=True):
            place[some] = own
        live = [own[some] for own, some in zip(_live(places, network.weights), at, strict=True)]
        if all(np.array_equal(a, b) for a, b in zip(reach, live, strict=True)):
            break
        reach = live
    network.keep(places)


def _live(places: list[np.ndarray], weights: list[np.ndarray]) -> list[np.ndarray]:
    """Return 1 where a weight leads from a unit that hears to a unit that is heard, else 0."""
    units = [own.any(1) & _by_unit(above, len(own)) for own, above in pairwise(places)]
    ahead = [*units, np.ones(len(weights[-1]), bool)]
    behind = [np.ones(weights[0].shape[1], bool), *units]
    return [
        np.outer(to, np.repeat(origin, own.shape[1] // len(origin))).astype(np.float32)
        for to, origin, own in zip(ahead, behind, weights, strict=True)
    ]


def _by_unit(above: np.ndarray, units: int) -> np.ndarray:
    """Return which units the layer above reads at any of their places."""
    return np.any(above.reshape(len(above), units, -1), axis=(0, 2))


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
    weights, biases = ([own.detach().numpy() for own in some] for some in start)
    small = SparseNetwork(weights, biases, network.sides, network.rows)
    generator, size = np.random.default_rng(seed), network.rows
    project(small, 0.0)
    for epoch in range(recipe.way + recipe.stay):
        order = generator.permutation(len(digits.pixels))
        order = order[: len(order) // size * size].reshape(-1, size)
        for part, some in enumerate(np.array_split(order, PARTS)):
            now = epoch * PARTS + part
            rates = np.full(len(some), _rate(recipe, now))
            on_the_way = now < recipe.way * PARTS
            left = max(0.0, 1 - now / (recipe.way * PARTS))
            steps = replace(recipe.steps, lasso=left * recipe.lasso)
            small.train(digits, some, rates, steps)
            if on_the_way:
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
