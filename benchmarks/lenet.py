"""How small can LeNet-300-100 be at the published errors?

Claim: with one recipe, whose strength was chosen on validation rows, LeNet-300-100 keeps one weight
in 45 at 1.50 % error, one in 90 at 1.69 % and one in 105 at 1.95 %; by whole neurons it takes a
27th of the bytes at 1.6 %, and one picture is classified ten times as fast. LeNet-5 as Caffe has it
keeps one weight in 285 at 0.75 %.

    python benchmarks/lenet.py [--seeds N] [--workers N] [--only 'LeNet-300-100 at 90']

MNIST, 54,000 rows to train, 6,000 to choose with, 10,000 to test; a plain ReLU network, no
augmentation; weights are counted, biases are not. Told are the final error (mean ± standard error
over the seeds), the best on the test rows along the way, which many papers report, and the
compression. Dense networks are trained first: one is the start of each seed, and the mean of what
they say of the training rows is the soft target. Where a recipe has several `ways`, a seed goes
down so often, in other orders of the rows, and its network is the one with the least cross entropy
on the validation rows; the mean of all its networks is told beside it, and seconds are those of
all. "No augmentation" holds where a recipe's `push` is 0; where it is not, half of the loss is at
pictures moved along its gradient, which is told with the figures.
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
    BY_NEURONS,
    DENSE,
    NEURONS,
    RECIPES,
    SEEDS,
    Candidate,
    Goal,
    best_way,
    train_dense,
    train_small,
)
from lenet_latency import TOLD
from recording import Pieces, mnist_folder, write_result

RESULTS = {"LeNet-300-100": "lenet_300_100", "LeNet-5": "lenet_5", NEURONS: "lenet_neurons"}
"""Where figures are written."""
JUDGES = 3
"""Seeds on which strengths are compared."""
BYTES_GOAL, SPEED_GOAL = 27.0, 10.0
MEASURES = ("validation", "test", "best_test", "mean_test", "weights", "seconds")


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
        f"(mean of all ways {told['mean_test']['mean']:.3f}, best on test {best['mean']:.3f}, "
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
    return name if only == goal.case else f"{name}_at_{goal.compression:g}"


def run(goals: list[Goal], file: str, seeds: range, workers: int) -> None:
    """Train, tell and write points of a network."""
    kind = goals[0].kind
    pieces = Pieces(f"lenet-{goals[0].case}")
    with ProcessPoolExecutor(workers) as pool:
        jobs = [(f"dense {kind} {s}", train_dense, (kind, s)) for s in needed(goals, seeds)]
        trained = measured(pool, pieces, jobs)
        chosen = choose(pool, pieces, goals, seeds)
        done = {goal: best_ways(pool, pieces, goal, chosen[goal], seeds) for goal in goals}
    dense = [trained[f"dense {kind} {s}"] for s in seeds]
    figures: dict[str, Any] = {
        "dense": summary(dense, ("validation", "test")),
        "points": {},
    }
    for goal in goals:
        own = done[goal]
        recipe = asdict(chosen[goal])
        figures["points"][goal.name] = {
            **asdict(goal),
            **summary(own),
            "seeds": own,
            "recipe": recipe,
        }
        if goal == BY_NEURONS:
            figures["neurons"] = tell_neurons(own)
        else:
            weights = float(np.mean([row["weights"] for row in own]))
            tell(goal.name, own, goal.error, DENSE[kind][0].weights / weights)
    write_result(file, figures)


def needed(goals: list[Goal], seeds: range) -> list[int]:
    """Return the seeds of the dense networks that are a start or a teacher."""
    recipes = [recipe for goal in goals for recipe in RECIPES[goal]]
    return sorted({*seeds, *(seed for recipe in recipes for seed in range(recipe.teachers))})


def best_ways(
    pool: ProcessPoolExecutor, pieces: Pieces, goal: Goal, recipe: Candidate, seeds: Iterable[int]
) -> list[dict[str, Any]]:
    """Return the figures of a point's networks, each the best of its seed's ways."""
    number = RECIPES[goal].index(recipe)
    names = {
        seed: {f"{goal.name}, recipe {number}, seed {seed}, way {w}": w for w in range(recipe.ways)}
        for seed in seeds
    }
    jobs = [
        (name, train_small, (goal, recipe, seed, way))
        for seed, ways in names.items()
        for name, way in ways.items()
    ]
    done = measured(pool, pieces, jobs)
    return [best_way([done[name] for name in ways]) for ways in names.values()]


def choose(
    pool: ProcessPoolExecutor, pieces: Pieces, goals: list[Goal], seeds: range
) -> dict[Goal, Candidate]:
    """Return the strength with the least validation error, for each point."""

    def wrong(goal: Goal, recipe: Candidate) -> float:
        rows = best_ways(pool, pieces, goal, recipe, seeds[:JUDGES])
        told = float(np.mean([row["validation"] for row in rows]))
        print(f"{goal.name}, L1 {recipe.recipe.lasso:g}: validation {told:.2f} %")
        return told

    return {
        goal: recipes[0] if len(recipes) == 1 else min(recipes, key=lambda own: wrong(goal, own))
        for goal in goals
        for recipes in (RECIPES[goal],)
    }


def tell_neurons(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Print and return how much smaller and faster the network of whole neurons is."""
    ratio = {
        key: float(np.mean([row["before"][key] / row["after"][key] for row in rows]))
        for key in TOLD
    }
    tell("neurons only", rows, BY_NEURONS.error, ratio["file_bytes"])
    goals = {"file_bytes": BYTES_GOAL, "loops_one": SPEED_GOAL, "onnx_one": SPEED_GOAL}
    for key, name in TOLD.items():
        goal = (
            f" (goal {goals[key]:g}: {verdict(ratio[key] >= goals[key])})" if key in goals else ""
        )
        print(f"  {name}: {ratio[key]:.1f} times less{goal}")
    return ratio


if __name__ == "__main__":
    main()
