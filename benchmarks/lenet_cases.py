"""What `benchmarks/lenet.py` trains: the goals, the recipes, a dense network and a small one."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lenet_dense import (
    LENET_5,
    LENET_300_100,
    WIDE,
    Arrays,
    Network,
    answers,
    dense,
    soft_targets,
)
from lenet_latency import UNITS, compacted
from lenet_network import Digits, SparseNetwork, Steps
from lenet_recipe import Recipe, judged, shrunk, to_count, to_units
from recording import HERE

from shrinkage.datasets import load_pictures

VALIDATION = 6_000
NEURONS = "LeNet-300-100 by neurons"
DENSE = {
    "LeNet-300-100": (LENET_300_100, 25),
    NEURONS: (LENET_300_100, 25),
    "LeNet-5": (LENET_5, 12),
    "wide": (WIDE, 20),
}
"""Kinds of dense networks, and their epochs."""
LEFT_OUT = {NEURONS: 5}
"""Each of so many seeds leaves out its own part of the training rows: a mean of what they say of a
row has a voice that has not learnt it by heart."""


@dataclass(frozen=True)
class Candidate:
    """A recipe, and how many dense networks of which kinds say its soft targets."""

    recipe: Recipe
    teachers: tuple[tuple[str, int], ...]


SOFT = Steps(hard=0.3)
TEACHERS = ("LeNet-300-100", 5), ("wide", 1)
CASES = {
    "LeNet-300-100": tuple(
        Candidate(Recipe(way=100, stay=80, lasso=lasso, steps=SOFT), TEACHERS)
        for lasso in (0.0, 3e-5, 1e-4, 2e-4)
    ),
    "LeNet-5": (
        Candidate(
            Recipe(begin=2.0, way=30, stay=50, stay_rate=6e-3, steps=SOFT), (("LeNet-5", 3),)
        ),
    ),
    NEURONS: tuple(
        Candidate(
            Recipe(way=40, stay=40, lasso=lasso, steps=replace(SOFT, decay=0.05)), ((NEURONS, 5),)
        )
        for lasso in (3e-5, 1e-4)
    ),
}
"""The recipe of a network, once for each strength of L1 from which one is chosen for a point."""


@dataclass(frozen=True)
class Goal:
    """A point: how many times fewer weights, at an error in per cent."""

    case: str
    compression: float
    error: float

    @property
    def name(self) -> str:
        """Return what its figures are kept under."""
        return f"{self.case} at {self.compression:g}" if self.compression else self.case


GOALS = (
    Goal("LeNet-300-100", 45, 1.50),
    Goal("LeNet-300-100", 90, 1.69),
    Goal("LeNet-300-100", 105, 1.95),
    Goal("LeNet-5", 285, 0.75),
)
NEURON_GOAL = Goal(NEURONS, 0, 1.6)


@dataclass(frozen=True, eq=False)
class Mnist:
    """Pixels as bytes and classes: to train, to choose and to test."""

    pixels: np.ndarray
    labels: np.ndarray
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


@cache
def mnist() -> Mnist:
    """Return MNIST, the last of its training rows to choose with."""
    pictures = load_pictures()
    x, y = _flat(pictures.X, pictures.y)  # in random order, the same each time
    held = slice(len(x) - VALIDATION, None)
    rows = slice(len(x) - VALIDATION)
    return Mnist(x[rows], y[rows], (x[held], y[held]), _flat(*pictures.test))


def _flat(pixels: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return pixels.reshape(len(pixels), -1).astype(np.uint8), labels.astype(np.uint8)


def error(network: Network, arrays: Arrays, rows: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the share of rows that are wrong, in per cent."""
    x, y = rows
    return 100 * float((answers(network, arrays, x).argmax(1).numpy() != y).mean())


def dense_file(kind: str, seed: int) -> Path:
    """Return where a dense network is kept, by what trained it."""
    code = (HERE / "lenet_dense.py").read_text() + repr((DENSE[kind], LEFT_OUT.get(kind)))
    digest, name = hashlib.sha256(code.encode()).hexdigest()[:12], kind.replace(" ", "-")
    return HERE.parent / "runs" / "benchmarks" / f"lenet-dense-{digest}-{name}-{seed}.pt"


def train_dense(kind: str, seed: int) -> dict[str, float]:
    """Return the errors of a dense network: the one that was kept, or a new one."""
    torch.set_num_threads(1)
    data, file = mnist(), dense_file(kind, seed)
    network, epochs = DENSE[kind]
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = np.ones(len(data.labels), bool)
        if kind in LEFT_OUT:
            rows[seed % LEFT_OUT[kind] :: LEFT_OUT[kind]] = False
        torch.save(dense(network, data.pixels[rows], data.labels[rows], seed, epochs), file)
    arrays = torch.load(file, weights_only=True)
    return {
        "validation": error(network, arrays, data.validation),
        "test": error(network, arrays, data.test),
    }


@cache
def taught(teachers: tuple[tuple[str, int], ...], temperature: float) -> Digits:
    """Return the training rows with the mean of what the teachers say of them."""
    data = mnist()
    said = [
        (DENSE[kind][0], torch.load(dense_file(kind, seed), weights_only=True))
        for kind, many in teachers
        for seed in range(many)
    ]
    return Digits(data.pixels, data.labels, soft_targets(said, data.pixels, temperature))


def train_small(goal: Goal, chosen: Candidate, seed: int) -> dict[str, Any]:
    """Return the errors and sizes of the small network of a point and a seed."""
    torch.set_num_threads(1)
    data, network, recipe = mnist(), DENSE[goal.case][0], chosen.recipe
    digits = taught(chosen.teachers, recipe.steps.temperature)
    best, begin = [math.inf], time.process_time()

    def watch(small: SparseNetwork) -> None:
        best[0] = min(best[0], error(network, judged(small), data.test))

    whole, by_units = network.weights, goal == NEURON_GOAL
    count = None if by_units else math.floor(whole / goal.compression)
    project = to_count(round(whole / recipe.begin), count) if count else to_units(UNITS)
    start = torch.load(dense_file(goal.case, seed), weights_only=True)
    small = shrunk(network, start, digits, recipe, project, 100 + seed, watch)
    arrays = judged(small)
    test = error(network, arrays, data.test)
    figures: dict[str, Any] = {
        "validation": error(network, arrays, data.validation),
        "test": test,
        "best_test": min(best[0], test),
        "weights": small.count,
        "layers": [int(np.count_nonzero(own)) for own in small.weights],
        "seconds": time.process_time() - begin,
    }
    return figures | (compacted(arrays, data.test[0][:256]) if by_units else {})
