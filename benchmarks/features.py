"""The best 50 columns, beside LassoNet and RelChaNet, on MNIST and on proteins of mice.

Claim: 50 of the 784 pixels of MNIST that `best_columns` selects are enough for an SVM with at least
96.0 % and a network with at least 96.5 % of the test images right; on mice (50 of 77 proteins) the
selection is not below LassoNet's; and it takes at most a tenth of the time of either.

    python benchmarks/features.py [--seeds N] [--peer-seeds N] [--small]

Every selection is made on the training rows alone, which are scaled by themselves, and judged by
the same two learners on the selected columns: scikit-learn's SVC by default, and a network of ours
with two hidden layers; both see the test rows once. LassoNet runs with its defaults and stops as
soon as no more than 50 columns are left; RelChaNet as its experiments run it (`RCN_long`: a fifth
of the columns as candidates, the number of updates by validation, then anew on all rows). Seconds
are those of the processor, one thread each. A peer on MNIST is stopped at ten times our own seconds
of that seed, told as "more than", and its ranking of then is taken; on mice all end by themselves.

RelChaNet (arXiv 2410.02344) is no package: `SHRINKAGE_RELCHANET` names the folder of a checkout of
github.com/flxzimmer/relchanet, from which the module `relchanet` is imported as it is; without it,
it is left out. A run that is stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from path_vs_lassonet import mice
from recording import Pieces, mnist_folder, peer_named, write_result
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from shrinkage import ShrinkageClassifier, best_columns
from shrinkage.datasets import load_pictures

KEEP = 50
SVM_GOAL, NETWORK_GOAL, TIME_GOAL = 0.960, 0.965, 10.0
JUDGE, JUDGE_STRENGTH = "mlp:256,128", 1e-5
SMALL_ROWS, NO_LIMIT = 2_000, 3_600.0


@dataclass(frozen=True)
class Table:
    """Training and test rows, scaled by the training rows; `model` selects, for `epochs`."""

    train: np.ndarray
    y: np.ndarray
    test: np.ndarray
    y_test: np.ndarray
    model: str
    epochs: int | None = None


def mnist(small: bool) -> Table:
    """Return all of MNIST, pixels in [0, 1]."""
    x, y, test, y_test = load_pictures(rows=SMALL_ROWS if small else 60_000).scaled()
    return Table(x.reshape(len(x), -1), y, test.reshape(len(test), -1), y_test, "mlp:128,64", 8)


def mice_of(table: Any, seed: int) -> Table:
    """Return four fifths of the mice to train on and a fifth to test."""
    x, y = table
    parts: Any = train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)
    train, test, y_train, y_test = parts
    ready = make_pipeline(SimpleImputer(), StandardScaler()).fit(train)
    scaled = (ready.transform(own).astype(np.float32) for own in (train, test))
    return Table(next(scaled), y_train, next(scaled), y_test, "mlp:64,32")


class OutOfTime(BaseException):
    """A peer took longer than its limit; no error, so that no one takes it for one of their own."""


class Enough(Exception):
    """No more than the wanted columns are left."""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` inside after so many seconds of the processor."""

    def stop(*_: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def ours(table: Table, seed: int, limit: float) -> tuple[np.ndarray, bool]:
    """Return what `best_columns` selects; on MNIST with 8 epochs, for 5 by default."""
    del limit
    rows = table.train, table.y
    ranked = best_columns(
        *(table.model, *rows), keep=KEEP, seed=seed, epochs=table.epochs, progress=False
    )
    names = {name: place for place, name in enumerate(ranked.best.columns)}
    places = np.array([int(name.lstrip("x")) for name in names])
    return places[ranked.get_support()], False


def lassonet(table: Table, seed: int, limit: float) -> tuple[np.ndarray, bool]:
    """Return the columns of LassoNet's path, and whether it was stopped."""
    module = peer_named("lassonet", "lassonet==0.0.21")
    network = module.LassoNetClassifier(verbose=0, random_state=seed, torch_seed=seed)
    stayed, stopped = np.zeros(table.train.shape[1]), False

    def look(_: Any, history: list[Any]) -> None:
        left = history[-1].selected.numpy()
        stayed[left] = len(history)
        if left.sum() <= KEEP:
            raise Enough

    try:
        with at_most(limit):
            network.path(table.train, table.y, callback=look)
    except Enough:
        pass
    except OutOfTime:
        stopped = True
    skip = network.model.skip.weight.detach().norm(dim=0).numpy()
    return np.lexsort((-skip, -stayed))[:KEEP], stopped


def relchanet(table: Table, seed: int, limit: float) -> tuple[np.ndarray, bool]:
    """Return the columns of RelChaNet as its experiments run it, and whether it was stopped."""
    module = importlib.import_module("relchanet")
    torch.manual_seed(seed)
    np.random.seed(seed)
    x = MinMaxScaler().fit_transform(table.train).astype(np.float32)
    parts: Any = train_test_split(x, table.y, test_size=0.2, random_state=42)
    train, held, y_train, y_held = parts
    options: dict[str, Any] = {
        "epochs": 10e4, "lr": 1e-3, "n_hidden": 100, "batch_size": 1024, "switch_interval": 100,
        "candidate_perc": 0.2, "relevant": KEEP,
    }  # fmt: skip
    kind = module.rcn_class
    last, stopped = kind.__new__(kind), False
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            with at_most(limit):
                last.__init__(X=train, y=y_train, X_val=held, y_val=y_held, patience=100, **options)
                updates = last.best_update
                last = kind.__new__(kind)
                last.__init__(X=x, y=table.y, n_updates=updates, **options)
        except OutOfTime:
            stopped = True
    return np.asarray(last.ident.cpu()), stopped


METHODS: dict[str, Callable[[Table, int, float], tuple[np.ndarray, bool]]] = {
    "shrinkage": ours,
    "LassoNet": lassonet,
    "RelChaNet": relchanet,
}


def judged(table: Table, columns: np.ndarray, seed: int, small: bool) -> dict[str, float]:
    """Return the test accuracy of an SVM and of a network on the selected columns."""
    train, test = table.train[:, columns], table.test[:, columns]
    svm = SVC(cache_size=1000).fit(train, table.y).score(test, table.y_test)
    network = ShrinkageClassifier(
        JUDGE,
        penalty="l2",
        strength=JUDGE_STRENGTH,
        epochs=2 if small else 25 if len(train) > 10_000 else None,
        random_state=seed,
    )
    return {
        "svm": float(svm),
        "network": float(network.fit(train, table.y).score(test, table.y_test)),
    }


def measure(method: str, table: Table, seed: int, limit: float, small: bool) -> dict[str, Any]:
    """Return what a method selects, in which seconds of the processor, and how it is judged."""
    begin = time.process_time()
    columns, stopped = METHODS[method](table, seed, limit)
    seconds = round(time.process_time() - begin, 2)
    own = judged(table, columns, seed, small)
    columns = sorted(int(column) for column in columns)
    return {"seconds": seconds, "stopped": stopped, **own, "columns": columns}


def present() -> list[str]:
    """Return the methods that are here, with a line for each that is not."""
    here = ["shrinkage"]
    if peer_named("lassonet", "lassonet==0.0.21") is not None:
        here.append("LassoNet")
    sys.path.insert(0, os.environ.get("SHRINKAGE_RELCHANET", ""))
    try:
        importlib.import_module("relchanet")
        here.append("RelChaNet")
    except ImportError:
        print("no relchanet here: set SHRINKAGE_RELCHANET to a checkout; it was not compared")
    return here


def means(runs: list[dict[str, Any]], key: str) -> tuple[float, float]:
    """Return the mean over seeds and its standard error."""
    own = np.array([run[key] for run in runs], dtype=float)
    return float(own.mean()), float(own.std(ddof=1) / np.sqrt(len(own))) if len(own) > 1 else 0.0


def table_of(name: str, found: dict[str, list[dict[str, Any]]]) -> None:
    """Print a line for each method."""
    print(f"{name}, {KEEP} columns")
    for method, runs in found.items():
        more = "more than " if any(run["stopped"] for run in runs) else ""
        said = ", ".join(
            f"{word} {means(runs, word)[0]:.4f} ± {means(runs, word)[1]:.4f}"
            for word in ("svm", "network")
        )
        print(
            f"  {method:10} {said}, {more}{means(runs, 'seconds')[0]:.1f} s, {len(runs)} seeds",
            flush=True,
        )


def goals_of(name: str, found: dict[str, list[dict[str, Any]]]) -> dict[str, bool]:
    """Return which goals are met on one data set."""
    mine = found["shrinkage"]
    goals: dict[str, bool] = {}
    if name == "MNIST":
        goals["MNIST, SVM at least 96.0 %"] = means(mine, "svm")[0] >= SVM_GOAL
        goals["MNIST, network at least 96.5 %"] = means(mine, "network")[0] >= NETWORK_GOAL
    elif "LassoNet" in found:
        for word in ("svm", "network"):
            goals[f"mice, {word} not below LassoNet"] = (
                means(mine, word)[0] >= means(found["LassoNet"], word)[0]
            )
    for peer in (own for own in found if own != "shrinkage"):
        same = mine[: len(found[peer])]
        ratio = means(found[peer], "seconds")[0] / means(same, "seconds")[0]
        goals[f"{name}, a tenth of {peer}'s time ({ratio:.1f} times as fast)"] = ratio >= TIME_GOAL
    return goals


def run_table(
    name: str, makers: list[Callable[[], Table]], pieces: Pieces, asked: argparse.Namespace
) -> dict[str, Any]:
    """Run every method on a data set, seed by seed, and return what each did."""
    methods = present()
    found: dict[str, list[dict[str, Any]]] = {method: [] for method in methods}
    for seed, make in enumerate(makers):
        table = make()
        for method in methods if name == "mice" or seed < asked.peer_seeds else methods[:1]:
            mine = found["shrinkage"][seed:]
            limit = TIME_GOAL * mine[0]["seconds"] if mine and name == "MNIST" else NO_LIMIT
            own = pieces.get(
                f"{name}, {method}, {seed}",
                lambda method=method, table=table, seed=seed, limit=limit: measure(
                    method, table, seed, limit, asked.small
                ),
            )
            found[method].append(own)
            told = {key: value for key, value in own.items() if key != "columns"}
            print(f"{name}, seed {seed}: {method}: {told}", flush=True)
    found = {method: runs for method, runs in found.items() if runs}
    table_of(name, found)
    return {"methods": found, "goals": goals_of(name, found)}


def main() -> None:
    """Run every method on both data sets, print the tables and write the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--peer-seeds", type=int, default=1, help="of the peers on MNIST")
    parser.add_argument("--small", action="store_true", help="few rows, not written")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    seeds, proteins = range(1 if asked.small else asked.seeds), mice()
    tables: dict[str, list[Callable[[], Table]]] = {}
    if proteins is not None:
        tables["mice"] = [lambda seed=seed: mice_of(proteins, seed) for seed in seeds]
    if mnist_folder() is not None:
        tables["MNIST"] = [lambda: mnist(asked.small)] * len(seeds)
    pieces, results = Pieces("features", keep=not asked.small), dict[str, Any]()
    for name, makers in tables.items():
        results[name] = run_table(name, makers, pieces, asked)
        for goal, met in results[name]["goals"].items():
            print(f"  {goal}: {'met' if met else 'MISSED'}")
    if not asked.small:
        write_result("features", {"keep": KEEP, "seconds": "of the processor", "tables": results})


if __name__ == "__main__":
    main()
