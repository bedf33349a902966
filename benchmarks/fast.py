"""`--fast` against the full grid: the same choice within a standard error, in half the time.

Twelve data sets (scikit-learn's own, synthetic ones, mice, 1,200 rows of MNIST), MLP 64-32, twenty
strengths, five folds, default recipe, one thread. Both paths have the strengths that the search of
the full one finds, so neither pays for it; seconds are those that the process computes. The folds
and weights are of seed 2: the rule was made on seeds 0 and 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from recording import write_result
from sklearn import datasets

from shrinkage import L1, L2, GroupLasso
from shrinkage.datasets import (
    Dataset,
    dataset_from_arrays,
    load_dataset,
    load_pictures,
    shared_folder,
)
from shrinkage.paths import PathOptions
from shrinkage.paths.choosing.grid import log_grid
from shrinkage.paths.choosing.grid_top import top_of_grid
from shrinkage.paths.running.plan import make_plan
from shrinkage.penalties import Penalty
from shrinkage.run import fit_dataset

MODEL, STRENGTHS, SEED = "mlp:64,32", 20, 2
GOAL = 0.5


def wide() -> Dataset:
    """Return 72 rows of 500 columns, of which ten tell the class."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 72)
    X = random.normal(size=(72, 500)) + random.normal(size=(2, 500))[y] * (np.arange(500) < 10)
    return dataset_from_arrays(X, y, task="classification")


def mice() -> Dataset | None:
    """Return every second row of the protein table."""
    folder = shared_folder("mice")
    if folder is None:
        return None
    import pandas as pd

    frame = pd.read_csv(folder / "Data_Cortex_Nuclear.csv").iloc[::2]
    proteins = [name for name in frame.columns if name.endswith("_N")]
    return dataset_from_arrays(frame[proteins].to_numpy(float), frame["class"].to_numpy())


def mnist() -> Dataset | None:
    """Return 1,200 images."""
    if shared_folder("mnist") is None:
        return None
    pictures = load_pictures(rows=1200)
    X = pictures.X.reshape(len(pictures.X), -1) / 255.0
    return dataset_from_arrays(X, pictures.y, task="classification")


def classes(maker: Callable[..., Any], *arguments: object, **options: object) -> Dataset:
    """Return a made data set of classes."""
    X, y, *_ = maker(*arguments, **options)
    return dataset_from_arrays(X, y, task="classification")


def numbers(maker: Callable[..., Any], *arguments: object, **options: object) -> Dataset:
    """Return a made data set with a numeric target."""
    X, y, *_ = maker(*arguments, **options)
    return dataset_from_arrays(X, y, task="regression")


GROUPS = GroupLasso(per="input")
SETS: dict[str, tuple[Callable[[], Dataset | None], Penalty]] = {
    "iris": (lambda: classes(datasets.load_iris, return_X_y=True), L2()),
    "wine": (lambda: load_dataset("wine"), L2()),
    "breast-cancer": (lambda: load_dataset("breast-cancer"), L1()),
    "diabetes": (lambda: load_dataset("diabetes"), L1()),
    "digits": (lambda: load_dataset("digits"), L2()),
    "moons": (lambda: classes(datasets.make_moons, 400, noise=0.35, random_state=0), L2()),
    "noisy": (
        lambda: classes(
            datasets.make_classification, 600, 40, n_informative=6, flip_y=0.2, random_state=1
        ),
        GROUPS,
    ),
    "friedman": (
        lambda: numbers(datasets.make_friedman1, 400, 10, noise=2.0, random_state=0),
        GROUPS,
    ),
    "sparse": (
        lambda: numbers(
            datasets.make_regression, 200, 100, n_informative=8, noise=30.0, random_state=2
        ),
        L1(),
    ),
    "wide": (wide, L1()),
    "mice": (mice, L1()),
    "mnist-1200": (mnist, L1()),
}


def timed(data: Dataset, penalty: Penalty, options: PathOptions):
    """Return a path and the seconds that the process computed for it."""
    begin = time.process_time()
    result = fit_dataset(MODEL, data, penalty=penalty, options=options, progress=False)
    return result, time.process_time() - begin


def compared(data: Dataset, penalty: Penalty) -> dict[str, Any]:
    """Return what a fast path gives beside the full one."""
    options = PathOptions(strengths=STRENGTHS, seed=SEED)
    plan = make_plan(MODEL, data, penalty, options)
    top = top_of_grid(plan.problem, plan.refit_unit, plan.engine)
    options = replace(options, strengths=log_grid(top.strength, STRENGTHS))
    full, full_seconds = timed(data, penalty, options)
    fast, fast_seconds = timed(data, penalty, replace(options, fast=True))
    strengths = full.strengths.tolist()
    place = strengths.index(fast.best.strength)
    best = strengths.index(full.best.strength)
    lost = float(full.score_mean[best] - full.score_mean[place])
    error = float(full.score_error[best])
    return {
        "best": [full.best.strength, fast.best.strength],
        "one_standard_error": [full.one_standard_error.strength, fast.one_standard_error.strength],
        "lost_standard_errors": round(lost / error, 2) if error else float(lost > 0),
        "trained_in_full": len(fast.strengths),
        "seconds": [round(full_seconds, 2), round(fast_seconds, 2)],
        "time": round(fast_seconds / full_seconds, 3),
    }


def main() -> None:
    """Compare on every data set that is here."""
    torch.set_num_threads(1)
    figures: dict[str, dict] = {}
    for name, (make, penalty) in SETS.items():
        data = make()
        if data is None:
            print(f"{name}: not here, left out")
            continue
        own = figures[name] = compared(data, penalty)
        print(
            f"{name:14} lost {own['lost_standard_errors']:5.2f} standard errors, "
            f"{own['trained_in_full']} of {STRENGTHS} in full, time {own['time']:.2f}",
            flush=True,
        )
    seconds = np.array([own["seconds"] for own in figures.values()])
    worst = max(own["lost_standard_errors"] for own in figures.values())
    share = float(seconds[:, 1].sum() / seconds[:, 0].sum())
    print(f"all: time {share:.2f} (goal {GOAL}), at most {worst:.2f} standard errors lost (goal 1)")
    write_result(
        "fast", {"sets": figures, "time": round(share, 3), "most_lost_standard_errors": worst}
    )


if __name__ == "__main__":
    main()
