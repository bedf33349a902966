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
SEEDS = 5
DENSE = {
    "LeNet-300-100": (LENET_300_100, 15),
    "LeNet-5": (LENET_5, 8),
}
"""Kinds of dense networks, and their epochs."""


@dataclass(frozen=True)
class Candidate:
    """A recipe and what it is run with.

    Args:
        recipe: how a dense network becomes a small one.
        teachers: dense networks that say its soft targets.
    """

    recipe: Recipe
    teachers: int = SEEDS


SOFT = Steps(hard=0.3)


@dataclass(frozen=True)
class Goal:
    """A point: how many times fewer weights, at an error in per cent.

    `units` are the pixels and units that a network of whole neurons keeps, `stored_as` the type of
    its file.
    """

    case: str
    compression: float
    error: float
    units: tuple[int, int, int] | None = None
    stored_as: str | None = None

    @property
    def kind(self) -> str:
        """Return what dense network it comes from."""
        return self.case.removesuffix(" by neurons")

    @property
    def name(self) -> str:
        """Return what its figures are kept under."""
        if self.stored_as:
            return f"{self.case} in {self.stored_as}"
        return self.case if self.units else f"{self.case} at {self.compression:g}"


AT_45 = Goal("LeNet-300-100", 45, 1.50)
AT_90 = Goal("LeNet-300-100", 90, 1.69)
AT_105 = Goal("LeNet-300-100", 105, 1.95)
AT_285 = Goal("LeNet-5", 285, 0.75)
BY_NEURONS = Goal(NEURONS, 27, 1.6, UNITS)
IN_HALF = Goal(NEURONS, 27, 1.6, (230, 75, 25), "float16")
PUSHED = replace(SOFT, push=0.1)
SPARSE = Recipe(way=40, stay=15, way_rate=2e-3, steps=PUSHED)
SPARSER = Candidate(replace(SPARSE, lasso=2e-4))
WHOLE = Candidate(Recipe(way=40, stay=10, lasso=3e-5, steps=replace(PUSHED, decay=0.05)))
RECIPES = {
    AT_45: Candidate(replace(SPARSE, lasso=6e-5)),
    AT_90: SPARSER,
    AT_105: SPARSER,
    AT_285: Candidate(replace(SPARSE, begin=2.0, way=30, stay=20, stay_rate=6e-3, lasso=6e-5), 3),
    BY_NEURONS: WHOLE,
    IN_HALF: WHOLE,
}
"""The recipe of each point, chosen by the validation rows: NOTES.md has what was tried."""


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
    code = (HERE / "lenet_dense.py").read_text() + repr(DENSE[kind])
    digest, name = hashlib.sha256(code.encode()).hexdigest()[:12], kind.replace(" ", "-")
    return HERE.parent / "runs" / "benchmarks" / f"lenet-dense-{digest}-{name}-{seed}.pt"


def train_dense(kind: str, seed: int) -> dict[str, float]:
    """Return the errors of a dense network: the one that was kept, or a new one."""
    torch.set_num_threads(1)
    data, file = mnist(), dense_file(kind, seed)
    network, epochs = DENSE[kind]
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save(dense(network, data.pixels, data.labels, seed, epochs), file)
    arrays = torch.load(file, weights_only=True)
    return {
        "validation": error(network, arrays, data.validation),
        "test": error(network, arrays, data.test),
    }


@cache
def taught(kind: str, teachers: int, temperature: float) -> Digits:
    """Return the training rows with the mean of what so many dense networks say of them."""
    data = mnist()
    said = [
        (DENSE[kind][0], torch.load(dense_file(kind, seed), weights_only=True))
        for seed in range(teachers)
    ]
    return Digits(data.pixels, data.labels, soft_targets(said, data.pixels, temperature))


def cross_entropy(network: Network, arrays: Arrays, rows: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the mean cross entropy of rows."""
    x, y = rows
    classes = torch.from_numpy(y.astype(np.int64))
    return float(torch.nn.functional.cross_entropy(answers(network, arrays, x), classes))


def train_small(goal: Goal, chosen: Candidate, seed: int) -> dict[str, Any]:
    """Return the errors and sizes of the small network of a point and a seed."""
    torch.set_num_threads(1)
    data, network, recipe = mnist(), DENSE[goal.kind][0], chosen.recipe
    digits = taught(goal.kind, chosen.teachers, recipe.steps.temperature)
    best, started = [math.inf], time.process_time()

    def watch(small: SparseNetwork) -> None:
        best[0] = min(best[0], error(network, judged(small), data.test))

    begin, count = network.weights / recipe.begin, network.weights / goal.compression
    project = to_units(goal.units) if goal.units else to_count(round(begin), math.floor(count))
    start = torch.load(dense_file(goal.kind, seed), weights_only=True)
    small = shrunk(network, start, digits, recipe, project, 100 + seed, watch)
    seconds = time.process_time() - started
    arrays, sizes = judged(small), {}
    if goal.units:
        arrays, sizes = compacted(arrays, data.test[0][:256], goal.stored_as)
    test = error(network, arrays, data.test)
    figures: dict[str, Any] = {
        "validation": error(network, arrays, data.validation),
        "cross_entropy": cross_entropy(network, arrays, data.validation),
        "test": test,
        "best_test": min(best[0], test),
        "weights": small.count,
        "layers": [int(np.count_nonzero(own)) for own in small.weights],
        "seconds": seconds,
    }
    return figures | sizes
