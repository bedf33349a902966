"""Few rows and thousands of columns: what a path costs, and its memory.

Made tables of the size of known ones: TOX-171 (171 × 5,748, four classes, L2, ten strengths), colon
(62 × 2,000, two classes, group lasso, twenty strengths) and leukemia (72 × 7,070, two classes, L1,
twenty strengths). MLP 64-32, five folds, one thread, each in a process of its own. Seconds are
those that the process computes, memory is the peak above what it held before the path, over the
arrays without which no stack trains: weights, gradients and Adam's two moments of all models.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from recording import write_result
from sklearn.linear_model import LogisticRegressionCV
from sklearn.preprocessing import StandardScaler

from shrinkage import L1, L2, GroupLasso
from shrinkage.datasets import dataset_from_arrays
from shrinkage.paths import PathOptions
from shrinkage.paths.running.estimate import Estimate
from shrinkage.paths.running.process_memory import peak_bytes, resident_bytes
from shrinkage.run import fit_dataset

TABLES = {
    "tox-like": (171, 5748, 4, L2(), 10),
    "colon-like": (62, 2000, 2, GroupLasso(per="input"), 20),
    "leukemia-like": (72, 7070, 2, L1(), 20),
}
# Measured before (issue 14; another machine of the same kind), seconds.
BEFORE = {"tox-like": 69.0, "colon-like": 60.0}
ARRAYS = 4
SEARCH = "finding the largest strength"


class Stages:
    """Notes what each stage of a path computes."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, float]] = []

    def stage(self, name: str, steps: int) -> None:
        """Note that a stage begins."""
        del steps
        self.begun.append((name, time.process_time()))

    def advance(self, steps: int) -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""


def table(rows: int, columns: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a table in which a hundredth of the columns tell the class."""
    random = np.random.default_rng(0)
    y = random.integers(0, classes, rows)
    means = random.normal(size=(classes, columns)) * (random.random(columns) < 0.01)
    return random.normal(size=(rows, columns)) + 1.5 * means[y], y


def one(name: str, *, fast: bool) -> dict[str, float]:
    """Return the figures of one path in this process."""
    from contextlib import contextmanager

    from shrinkage import kept as keeping

    torch.set_num_threads(1)
    rows, columns, classes, penalty, strengths = TABLES[name]
    X, y = table(rows, columns, classes)
    stages, told = Stages(), list[tuple[Estimate, float]]()

    @contextmanager
    def bar(_: bool | None):
        yield stages

    keeping.progress_bar = bar
    before, begin, wall = resident_bytes(), time.process_time(), time.perf_counter()
    result = fit_dataset(
        "mlp:64,32",
        dataset_from_arrays(X, y, task="classification"),
        penalty=penalty,
        options=PathOptions(strengths=strengths, fast=fast),
        announce=lambda estimate: told.append((estimate, time.perf_counter())),
    )
    seconds, took = time.process_time() - begin, time.perf_counter() - wall
    weights = columns * 64 + 64 + 64 * 32 + 32 + (32 + 1) * max(2, classes)
    floor = ARRAYS * 4.0 * weights * (strengths + 1)
    places = [place for place, (stage, _) in enumerate(stages.begun) if stage == SEARCH]
    stamps = [stamp for _, stamp in stages.begun] + [begin + seconds]
    search = sum(stamps[place + 1] - stamps[place] for place in places)
    estimate, at = told[0]
    assert result.inputs_kept is not None
    kept = float(result.inputs_kept[result.best.index or 0].mean())
    return {
        "seconds": seconds,
        "search_share": search / seconds,
        "memory_over_floor": ((peak_bytes() or 0.0) - (before or 0.0)) / floor,
        "told_seconds": estimate.seconds or 0.0,
        "passed_since": wall + took - at,
        "test_score": float(result.best.test_score or 0.0),
        "inputs_kept": kept,
    }


def peer(name: str) -> float:
    """Return the seconds of LogisticRegressionCV, L2, as many strengths and folds."""
    rows, columns, classes, _, strengths = TABLES[name]
    X, y = table(rows, columns, classes)
    begin = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        LogisticRegressionCV(Cs=strengths, cv=5, max_iter=200).fit(
            StandardScaler().fit_transform(X), y
        )
    return time.process_time() - begin


def main() -> None:
    """Run each path in a process of its own and write the figures."""
    figures: dict[str, dict[str, float]] = {}
    for name in TABLES:
        for way in ("full", "fast"):
            command = [sys.executable, str(Path(__file__)), name, way]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            own = json.loads(done.stdout.splitlines()[-1])
            figures[f"{name} {way}"] = {key: round(value, 3) for key, value in own.items()}
            was = f" (before {BEFORE[name]:.0f})" if way == "full" and name in BEFORE else ""
            print(
                f"{name:14} {way}: {own['seconds']:6.1f} s{was}, of these the search "
                f"{own['search_share']:.0%}, memory {own['memory_over_floor']:.1f} × the floor, "
                f"told {own['told_seconds']:.0f} s and took {own['passed_since']:.0f}",
                flush=True,
            )
        figures[f"{name} LogisticRegressionCV"] = {"seconds": round(peer(name), 3)}
        print(f"{name:14} LogisticRegressionCV {figures[f'{name} LogisticRegressionCV']}")
    write_result("wide_tables", {"paths": figures, "seconds_before": BEFORE})


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(one(sys.argv[1], fast=sys.argv[2] == "fast")))
    else:
        main()
