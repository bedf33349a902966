"""How small can LeNet-300-100 be at the published errors?

Claim: with one recipe, whose numbers were chosen on validation rows, LeNet-300-100 keeps one weight
in 45 at 1.50 % error, one in 90 at 1.69 % and one in 105 at 1.95 %; by whole neurons it takes a
27th of the bytes at 1.6 %, and one picture is classified ten times as fast. LeNet-5 as Caffe has it
keeps one weight in 285 at 0.75 %.

    python benchmarks/lenet.py [--seeds N] [--workers N] [--only LeNet-300-100]

MNIST, 54,000 rows to train, 6,000 to choose with, 10,000 to test; a plain ReLU network, no
augmentation; weights are counted, biases are not. Told are the final error (mean ± standard error
over the seeds), the best on the test rows along the way, which many papers report, and the
compression. Five dense networks of a kind are trained first, each the start of one seed. Soft
targets are the mean of what all five say, or two wide networks (1,000 and 1,000 units); which, is
chosen on validation rows with the rest of the recipe. Figures are kept as they come.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-not-found]
import torch
from lenet_network import Digits, SparseNetwork, Steps
from lenet_recipe import (
    LENET_5,
    LENET_300_100,
    WIDE,
    Arrays,
    Network,
    Recipe,
    answers,
    dense,
    judged,
    module_of,
    shrunk,
    soft_targets,
    to_count,
    to_units,
)
from recording import HERE, Pieces, commit, mnist_folder, write_result
from torch import nn

from shrinkage.compaction import compact
from shrinkage.datasets import load_pictures
from shrinkage.pytorch.onnx import export_onnx

SEEDS = 5
VALIDATION = 6_000
NEURONS = (230, 34, 22)
"""Pixels and units of the network that keeps whole neurons."""


@dataclass(frozen=True)
class Candidate:
    """A recipe, and which dense networks say its soft targets: those of the case, or wide ones."""

    recipe: Recipe
    wide: bool = False


def candidate(
    hard: float, temperature: float, *, wide: bool = False, decay: float = 0.0, **schedule: float
) -> Candidate:
    """Return a candidate: share of the labels, temperature of the soft targets, decay, how long."""
    steps = Steps(hard=hard, temperature=temperature, decay=decay)
    return Candidate(Recipe(steps=steps, **schedule), wide)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Case:
    """A network with the recipes of which one is taken for all its points.

    Args:
        network: what becomes small.
        epochs: of the dense training.
        recipes: candidates; the one with the least validation error is taken.
        judged_at: the compression at which they are compared, on the first seed.
    """

    network: Network
    epochs: int
    recipes: tuple[Candidate, ...]
    judged_at: float


LONG = {"way": 40, "stay": 80}
CASES = {
    "LeNet-300-100": Case(
        LENET_300_100,
        25,
        (
            candidate(0.3, 2.0, **LONG),
            candidate(0.3, 2.0, wide=True, **LONG),
            candidate(0.3, 2.0, wide=True, decay=0.05, **LONG),
        ),
        90,
    ),
    "LeNet-5": Case(LENET_5, 12, (candidate(0.3, 2.0, begin=30.0, way=12, stay=28),), 285),
}
ONNX_TIMES = 3_000
JUDGES = 1
"""Seeds on which recipes are compared."""
TEACHERS = "wide", WIDE, 20, 2
"""The wide networks: what they are kept under, what they are, epochs, how many."""


@dataclass(frozen=True)
class Goal:
    """A point: how many times fewer weights, at an error in per cent."""

    case: str
    compression: float
    error: float

    @property
    def name(self) -> str:
        """Return what its figures are kept under."""
        points = f"at {self.compression:g}" if self.compression else "by neurons"
        return f"{self.case} {points}"


GOALS = (
    Goal("LeNet-300-100", 45, 1.50),
    Goal("LeNet-300-100", 90, 1.69),
    Goal("LeNet-300-100", 105, 1.95),
    Goal("LeNet-5", 285, 0.75),
)
NEURON_GOAL, BYTES_GOAL, SPEED_GOAL = Goal("LeNet-300-100", 0, 1.6), 27.0, 10.0


@dataclass(frozen=True, eq=False)
class Mnist:
    """Pixels as bytes and classes: to train, to choose and to test."""

    pixels: np.ndarray
    labels: np.ndarray
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


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


def dense_file(case: str, seed: int) -> Path:
    """Return where a dense network is kept, by the commit that trained it."""
    name = f"lenet-dense-{commit().split()[0]}-{case}-{seed}.pt"
    return HERE.parent / "runs" / "benchmarks" / name


def train_dense(case: str, seed: int) -> dict[str, float]:
    """Train a dense network, keep it, and return its errors."""
    torch.set_num_threads(1)
    data = mnist()
    network, epochs = TEACHERS[1:3]
    if case != TEACHERS[0]:
        network, epochs = CASES[case].network, CASES[case].epochs
    begin = time.process_time()
    arrays = dense(network, data.pixels, data.labels, seed, epochs)
    dense_file(case, seed).parent.mkdir(parents=True, exist_ok=True)
    torch.save(arrays, dense_file(case, seed))
    return {
        "validation": error(network, arrays, data.validation),
        "test": error(network, arrays, data.test),
        "seconds": time.process_time() - begin,
    }


def kept(case: str, seeds: int) -> list[Arrays]:
    """Return the dense networks that were kept."""
    return [torch.load(dense_file(case, own), weights_only=True) for own in range(seeds)]


def train_small(goal: Goal, chosen: Candidate, seed: int, seeds: int) -> dict[str, Any]:
    """Return the errors and sizes of the small network of a point and a seed."""
    torch.set_num_threads(1)
    data, case = mnist(), CASES[goal.case]
    begin, network, recipe = time.process_time(), case.network, chosen.recipe
    starts = kept(goal.case, seeds)
    said = (WIDE, kept(TEACHERS[0], TEACHERS[3])) if chosen.wide else (network, starts)
    soft = soft_targets(*said, data.pixels, recipe.steps.temperature)
    digits = Digits(data.pixels, data.labels, soft)
    best = [math.inf]

    def watch(small: SparseNetwork) -> None:
        best[0] = min(best[0], error(network, judged(small), data.test))

    by_units = goal == NEURON_GOAL
    whole = network.weights
    project = (
        to_units(NEURONS)
        if by_units
        else to_count(round(whole / recipe.begin), math.floor(whole / goal.compression))
    )
    small = shrunk(network, starts[seed], digits, recipe, project, 100 + seed, watch)
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
    if by_units:
        rows = torch.from_numpy(data.test[0][:256]).float() / 255
        model = module_of(arrays)
        found = compact(model, rows, drop_inputs=True)
        figures |= {"before": asdict(found.proof.before), "after": asdict(found.proof.after)}
        figures["before"]["onnx_one"] = onnx_seconds(model, rows)
        figures["after"]["onnx_one"] = onnx_seconds(found.module, rows[:, found.kept_inputs])
    return figures


MEASURES = ("validation", "test", "best_test", "weights", "seconds")


def onnx_seconds(model: nn.Module, rows: torch.Tensor) -> float:
    """Return the median seconds of one picture in onnxruntime, on one thread."""
    with tempfile.TemporaryDirectory() as folder:
        file = export_onnx(model, rows, Path(folder) / "model.onnx").path
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(file, settings, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: rows[:1].contiguous().numpy()}
    times = []
    for _ in range(ONNX_TIMES):
        begin = time.perf_counter()
        session.run(None, feed)
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


def summary(rows: list[dict[str, Any]], names: Iterable[str] = MEASURES) -> dict[str, Any]:
    """Return means and standard errors over the seeds."""
    told: dict[str, Any] = {}
    for name in names:
        values = np.array([row[name] for row in rows], float)
        spread = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
        told[name] = {"mean": float(values.mean()), "standard_error": float(spread)}
    return told


def verdict(met: bool) -> str:
    """Return how a goal stands."""
    return "met" if met else "MISSED"


def tell(name: str, rows: list[dict[str, Any]], goal: float, compression: float) -> None:
    """Print a line of a point."""
    told = summary(rows)
    test, best = told["test"], told["best_test"]
    print(
        f"{name}: {compression:.1f} times, error {test['mean']:.3f} ± {test['standard_error']:.3f} "
        f"(best on test {best['mean']:.3f}, validation {told['validation']['mean']:.3f}), "
        f"{told['seconds']['mean']:.0f} s a network; goal {goal} %: "
        f"{verdict(test['mean'] <= goal)}"
    )


def measured(
    pool: ProcessPoolExecutor, pieces: Pieces, jobs: Iterable[tuple[str, Any, tuple]]
) -> dict[str, dict[str, Any]]:
    """Return the figures of each job: those that are there, or made by the workers."""
    waiting: dict[Future, str] = {}
    done: dict[str, dict[str, Any]] = {}
    for name, function, arguments in jobs:
        known = pieces.known(name)
        if known is not None:
            done[name] = known
        else:
            waiting[pool.submit(function, *arguments)] = name
    for future in as_completed(waiting):
        name, value = waiting[future], future.result()
        done[name] = pieces.get(name, lambda value=value: value)
        print(f"{name}: test error {done[name]['test']:.2f} %", flush=True)
    return done


def main() -> None:
    """Train, tell, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", choices=list(CASES), action="append", help="one of the networks")
    options = parser.parse_args()
    if mnist_folder() is None:
        return
    seeds, pieces, cases = range(options.seeds), Pieces("lenet"), options.only or list(CASES)
    goals = [goal for goal in (*GOALS, NEURON_GOAL) if goal.case in cases]
    with ProcessPoolExecutor(options.workers) as pool:
        dense_ones = [(case, s) for case in cases for s in seeds]
        if any(own.wide for case in cases for own in CASES[case].recipes):
            dense_ones = [(TEACHERS[0], s) for s in range(TEACHERS[3])] + dense_ones
        jobs = [(f"dense {case} {s}", train_dense, (case, s)) for case, s in dense_ones]
        starts = measured(pool, pieces, jobs)
        chosen = {case: choose(pool, pieces, case, len(seeds)) for case in cases}
        jobs = [small_job(own, chosen[own.case], s, len(seeds)) for own in goals for s in seeds]
        done = measured(pool, pieces, jobs)
    rows = {
        goal: [done[small_job(goal, chosen[goal.case], s, 0)[0]] for s in seeds] for goal in goals
    }
    figures: dict[str, Any] = {
        "recipes": {name: asdict(chosen[name]) for name in cases},
        "dense": {
            case: summary([starts[f"dense {case} {s}"] for s in seeds], ("validation", "test"))
            for case in cases
        },
        "points": {},
    }
    for goal, own in rows.items():
        figures["points"][goal.name] = {**asdict(goal), **summary(own), "seeds": own}
        if goal == NEURON_GOAL:
            figures["neurons"] = tell_neurons(own)
        else:
            weights = float(np.mean([row["weights"] for row in own]))
            tell(goal.name, own, goal.error, CASES[goal.case].network.weights / weights)
    write_result("lenet", figures)


def small_job(goal: Goal, recipe: Candidate, seed: int, seeds: int) -> tuple[str, Any, tuple]:
    """Return what a small network is kept under, what trains it, and with what."""
    number = CASES[goal.case].recipes.index(recipe)
    name = f"{goal.name}, recipe {number}, seed {seed}"
    return name, train_small, (goal, recipe, seed, seeds)


def choose(pool: ProcessPoolExecutor, pieces: Pieces, name: str, seeds: int) -> Candidate:
    """Return the recipe with the least validation error at one compression."""
    case, judges = CASES[name], range(min(JUDGES, seeds))
    if len(case.recipes) == 1:
        return case.recipes[0]
    goal = next(own for own in GOALS if own.case == name and own.compression == case.judged_at)
    jobs = [small_job(goal, own, s, seeds) for own in case.recipes for s in judges]
    done = measured(pool, pieces, jobs)
    errors = [
        float(np.mean([done[small_job(goal, own, s, 0)[0]]["validation"] for s in judges]))
        for own in case.recipes
    ]
    for own, wrong in zip(case.recipes, errors, strict=True):
        steps, who = own.recipe.steps, "wide" if own.wide else "own"
        said = (
            f"labels {steps.hard:g}, {who} targets at {steps.temperature:g}, decay {steps.decay:g}"
        )
        print(f"{said}: validation {wrong:.2f} %")
    return case.recipes[int(np.argmin(errors))]


def tell_neurons(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Print and return how much smaller and faster the network of whole neurons is."""
    smaller, faster, eager, batch = (
        float(np.mean([row["before"][key] / row["after"][key] for row in rows]))
        for key in ("file_bytes", "onnx_one", "seconds_one", "seconds_batch")
    )
    tell("neurons only", rows, NEURON_GOAL.error, smaller)
    print(
        f"bytes {smaller:.1f} times fewer (goal {BYTES_GOAL:g}: {verdict(smaller >= BYTES_GOAL)}); "
        f"one picture in onnxruntime {faster:.1f} times as fast (goal {SPEED_GOAL:g}: "
        f"{verdict(faster >= SPEED_GOAL)}), in torch {eager:.1f}, 256 pictures there {batch:.1f}"
    )
    return {"bytes": smaller, "one_onnx": faster, "one_torch": eager, "torch_256": batch}


if __name__ == "__main__":
    main()
