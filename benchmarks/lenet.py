"""How small can LeNet-300-100 be at the published errors?

Claim: with one recipe, whose strength was chosen on validation rows, LeNet-300-100 keeps one weight
in 45 at 1.50 % error, one in 90 at 1.69 % and one in 105 at 1.95 %; by whole neurons it takes a
27th of the bytes at 1.6 %, and one picture is classified ten times as fast. LeNet-5 as Caffe has it
keeps one weight in 285 at 0.81 % (goal 0.75). The bytes are those of float32; beside
them stands the network that takes a 27th where it is stored in float16, of twice as many numbers.

    python benchmarks/lenet.py [--seeds N] [--workers N] [--only 'LeNet-300-100 at 90']

MNIST, 54,000 rows to train, 6,000 to choose with, 10,000 to test; a plain ReLU network, no
augmentation; weights are counted, biases are not. Told are the final error (mean ± standard error
over the seeds), the best on the test rows along the way, which many papers report, and the
compression. Dense networks are trained first: one is the start of each seed, and the mean of what
they say of the training rows is the soft target. "No augmentation" holds where `push` is 0; where
it is not, in a recipe or in a dense network, half of the loss is at pictures moved along its
gradient, which is told with the figures.
What is trained is in `lenet_cases.py`. Figures are kept as they come, dense networks by their code.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict
from typing import Any

import numpy as np
from lenet_cases import (
    DENSE,
    NEURONS,
    RECIPES,
    SEEDS,
    Goal,
    train_dense,
    train_small,
)
from lenet_latency import TOLD
from recording import Pieces, mnist_folder, write_result

RESULTS = {"LeNet-300-100": "lenet_300_100", "LeNet-5": "lenet_5", NEURONS: "lenet_neurons"}
"""Where figures are written."""
SPEED_GOAL = 10.0
MEASURES = ("validation", "cross_entropy", "test", "best_test", "weights", "seconds")


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
        f"(best on test {best['mean']:.3f}, "
        f"validation {told['validation']['mean']:.3f}), "
        f"{told['seconds']['mean']:.0f} s a seed; goal {goal} %: "
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
    points = {goal.name: goal for goal in RECIPES}
    parser.add_argument(
        "--only",
        choices=list(dict.fromkeys([*RESULTS, *points])),
        action="append",
        help="one of the networks, or one of its points",
    )
    options = parser.parse_args()
    if mnist_folder() is None:
        return
    for only in options.only or RESULTS:
        goals = [goal for goal in RECIPES if only in (goal.case, goal.name)]
        run(goals, file_name(only, goals[0]), range(options.seeds), options.workers)


def file_name(only: str, goal: Goal) -> str:
    """Return where the figures of a network, or of one of its points, are written."""
    name = RESULTS[goal.case]
    return name if only == goal.case else f"{name}_{goal.stored_as or f'at_{goal.compression:g}'}"


def run(goals: list[Goal], file: str, seeds: range, workers: int) -> None:
    """Train, tell and write points of a network."""
    kind = goals[0].kind
    pieces = Pieces(f"lenet-{goals[0].case}")
    with ProcessPoolExecutor(workers) as pool:
        jobs = [(f"dense {kind} {s}", train_dense, (kind, s)) for s in needed(goals, seeds)]
        trained = measured(pool, pieces, jobs)
        done = {goal: of_seeds(pool, pieces, goal, seeds) for goal in goals}
    dense = [trained[f"dense {kind} {s}"] for s in seeds]
    figures: dict[str, Any] = {
        "dense": summary(dense, ("validation", "test")),
        "points": {},
    }
    for goal in goals:
        own = done[goal]
        recipe = asdict(RECIPES[goal])
        figures["points"][goal.name] = {
            **asdict(goal),
            **summary(own),
            "seeds": own,
            "recipe": recipe,
        }
        if goal.units:
            figures["points"][goal.name]["ratios"] = tell_neurons(goal, own)
        else:
            weights = float(np.mean([row["weights"] for row in own]))
            tell(goal.name, own, goal.error, DENSE[kind][0].weights / weights)
    write_result(file, figures)


def needed(goals: list[Goal], seeds: range) -> list[int]:
    """Return the seeds of the dense networks that are a start or a teacher."""
    return sorted({*seeds, *range(max(RECIPES[goal].teachers for goal in goals))})


def of_seeds(
    pool: ProcessPoolExecutor, pieces: Pieces, goal: Goal, seeds: Iterable[int]
) -> list[dict[str, Any]]:
    """Return the figures of a point's networks, one of each seed."""
    jobs = [
        (f"{goal.name}, seed {seed}", train_small, (goal, RECIPES[goal], seed)) for seed in seeds
    ]
    done = measured(pool, pieces, jobs)
    return [done[name] for name, _, _ in jobs]


def tell_neurons(goal: Goal, rows: list[dict[str, Any]]) -> dict[str, float]:
    """Print and return how much smaller and faster the network of whole neurons is."""
    ratio = {
        key: float(np.mean([row["before"][key] / row["after"][key] for row in rows]))
        for key in TOLD
    }
    tell(goal.name, rows, goal.error, ratio["file_bytes"])
    goals = {"file_bytes": goal.compression, "loops_one": SPEED_GOAL, "onnx_one": SPEED_GOAL}
    for key, name in TOLD.items():
        told = (
            f" (goal {goals[key]:g}: {verdict(ratio[key] >= goals[key])})" if key in goals else ""
        )
        print(f"  {name}: {ratio[key]:.1f} times less{told}")
    return ratio


if __name__ == "__main__":
    main()
