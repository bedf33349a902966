"""Which columns matter where columns are many and rows are few: the truth is known.

Claim: of 5,000 columns of which 20 matter, with 100 rows, the columns that stability selection
names by mistake stay below its bound, on average over seeds; and how many of the 20 it finds
beside scikit-learn's LassoCV (all that it uses, and its largest, as many as stability selection
names), our path (L1, one standard error), and a group lasso that is told the blocks.

    python benchmarks/wide.py [--seeds N] [--rows N] [--small]

Columns come in blocks of ten with a correlation of one half inside, as genes that are read
together; each of the 20 lies in a block of its own, the weights fall from ±1 by a sixth from one
to the next (few strong ones and many weak, as effects are), and noise is a tenth of the variance.
A column beside a true one, in its block, is a mistake like any other, and counted apart. What
`select_columns` is asked is what a user would ask: everything by default, and twice with other
numbers of mistakes allowed. A run that is stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from recording import Pieces, write_result
from sklearn.linear_model import LassoCV
from sklearn.preprocessing import StandardScaler

from shrinkage import L1, GroupLasso, fit_path, select_columns

COLUMNS, TRUE, BLOCK = 5_000, 20, 10
CORRELATION, NOISE, FALL = 0.5, 0.1, 5 / 6
ALLOWED = (1.0, 5.0)
Table = tuple[np.ndarray, np.ndarray, np.ndarray]


def table(rows: int, columns: int, seed: int) -> Table:
    """Return rows, targets, and which columns have a weight."""
    random = np.random.default_rng(seed)
    shared = random.standard_normal((rows, columns // BLOCK)).repeat(BLOCK, axis=1)
    own = random.standard_normal((rows, columns))
    x = np.sqrt(CORRELATION) * shared + np.sqrt(1 - CORRELATION) * own
    blocks = random.choice(columns // BLOCK, TRUE, replace=False)
    places = blocks * BLOCK + random.integers(BLOCK, size=TRUE)
    weights = np.zeros(columns)
    weights[places] = random.choice([-1.0, 1.0], TRUE) * FALL ** np.arange(TRUE)
    signal = x @ weights
    variance = NOISE / (1 - NOISE) * float((weights**2).sum())  # blocks differ: no covariances
    noise = np.sqrt(variance) * random.standard_normal(rows)
    return x, signal + noise, weights != 0


def judged(selected: np.ndarray, truth: np.ndarray, seconds: float) -> dict[str, float]:
    """Return how many are selected, how many of them matter, and the mistakes beside a true one."""
    beside = truth.reshape(-1, BLOCK).any(axis=1).repeat(BLOCK) & ~truth
    return {
        "selected": int(selected.sum()),
        "found": int((selected & truth).sum()),
        "mistakes": int((selected & ~truth).sum()),
        "mistakes_beside": int((selected & beside).sum()),
        "seconds": round(seconds, 2),
    }


def stable(data: Table, allowed: float, seed: int) -> dict[str, float]:
    """Return what stability selection names, and its bound."""
    x, y, truth = data
    begin = time.perf_counter()
    selection = select_columns(
        "linear", x, y, false_selections=allowed, seed=seed, task="regression", progress=False
    ).stable
    own = judged(selection.support, truth, time.perf_counter() - begin)
    return {**own, "bound": selection.bound.any_halves, "unimodal_bound": selection.bound.unimodal}


def lasso_cv(data: Table, counts: list[int]) -> dict[str, dict[str, float]]:
    """Return what scikit-learn's LassoCV uses at its best strength, and its largest so many."""
    x, y, truth = data
    begin = time.perf_counter()
    size = np.abs(LassoCV().fit(StandardScaler().fit_transform(x), y).coef_)
    seconds = time.perf_counter() - begin
    ranks = np.argsort(np.argsort(-size, kind="stable"), kind="stable")
    largest = {f"its {count} largest": (ranks < count) & (size > 0) for count in counts}
    every = {"all": size > 0, **largest}
    return {name: judged(own, truth, seconds) for name, own in every.items()}


def path(data: Table, seed: int, *, grouped: bool) -> dict[str, float]:
    """Return what our path uses at the strength of one standard error: L1, or groups of blocks."""
    x, y, truth = data
    begin = time.perf_counter()
    options: dict[str, Any] = {}
    if grouped:
        options["groups_of_inputs"] = [f"block {place // BLOCK}" for place in range(len(truth))]
    result = fit_path(
        *("linear", x, y),
        penalty=GroupLasso() if grouped else L1(),
        test_size=0,
        repeats=1,
        seed=seed,
        progress=False,
        **options,
    )
    used = (result.weights["one_standard_error"]["0.weight"] != 0).any(axis=0)
    return judged(used, truth, time.perf_counter() - begin)


def compared(data: Table, seed: int, pieces: Pieces) -> dict[str, dict[str, float]]:
    """Return what every method names on one seed's table."""

    def named(method: str, select: Callable[[], Any]) -> Any:
        known = pieces.get(f"{method}, {seed}", select)
        print(f"seed {seed}: {method}: {known}", flush=True)
        return known

    found = {
        f"stability selection, {allowed:g} allowed": named(
            f"stability selection, {allowed:g} allowed",
            lambda allowed=allowed: stable(data, allowed, seed),
        )
        for allowed in ALLOWED
    }
    counts = [int(own["selected"]) for own in found.values()]
    lasso = named("LassoCV", lambda: lasso_cv(data, counts))
    found["LassoCV"] = lasso["all"]
    for allowed, count in zip(ALLOWED, counts, strict=True):
        found[f"LassoCV, as many as with {allowed:g}"] = lasso[f"its {count} largest"]
    for name, grouped in (("path, L1, one standard error", False), ("path, groups", True)):
        found[name] = named(name, lambda grouped=grouped: path(data, seed, grouped=grouped))
    return found


def mean(runs: list[dict[str, float]], key: str) -> tuple[float, float]:
    """Return the mean over seeds and its standard error."""
    own = np.array([run[key] for run in runs], dtype=float)
    return float(own.mean()), float(own.std(ddof=1) / np.sqrt(len(own))) if len(own) > 1 else 0.0


def row(method: str, runs: list[dict[str, float]]) -> str:
    """Return one line of the table."""
    words = {"found": "of 20 found", "mistakes": "mistakes", "mistakes_beside": "beside"}
    said = ", ".join(
        f"{mean(runs, key)[0]:.2f} ± {mean(runs, key)[1]:.2f} {word}" for key, word in words.items()
    )
    bound = f", bound {runs[0]['bound']:.2f}" if "bound" in runs[0] else ""
    return f"  {method:34} {said}{bound}, {mean(runs, 'seconds')[0]:.1f} s"


def main() -> None:
    """Run every method on every seed, print the table and write the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--small", action="store_true", help="500 columns, two seeds, not written")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    columns, seeds = (500, 2) if arguments.small else (COLUMNS, arguments.seeds)
    pieces = Pieces(f"wide-{arguments.rows}", keep=not arguments.small)
    runs = [compared(table(arguments.rows, columns, seed), seed, pieces) for seed in range(seeds)]
    found = {method: [run[method] for run in runs] for method in runs[0]}
    print(f"{arguments.rows} rows, {columns} columns, {TRUE} of them true, {seeds} seeds")
    for method, own in found.items():
        print(row(method, own))
    goals = {
        f"{method}: mistakes below the bound": mean(own, "mistakes")[0] <= own[0]["bound"]
        for method, own in found.items()
        if "bound" in own[0]
    }
    for goal, met in goals.items():
        print(f"{goal}: {'met' if met else 'MISSED'}")
    if not arguments.small:
        write_result("wide", {"rows": arguments.rows, "methods": found, "goals": goals})


if __name__ == "__main__":
    main()
