"""Linear paths against scikit-learn, adelie, python-glmnet and skglm, at equal certified gaps.

Every cell is a table and a penalty: 20 strengths over three decades, 5 folds. Two things are told:

- **solved**: the CPU seconds of one thread for the 5 folds, by our solver and by each peer in its
  own Python, at the loosest of its tolerances at which our certificate gives every model a relative
  duality gap of at most 1e-6. A peer that gets there at none of them within its seconds is told
  with the gap that it reached. Coefficients are compared with fits whose gap is small enough.
- **whole**: the seconds of `fit_path` from the table to the report of scores, refits and
  intervals included, and of the class of scikit-learn that a user takes, at its own tolerance.

The peers' Python is `SHRINKAGE_PEERS`, or an environment that is made in `.venv-peers` (adelie asks
for NumPy below 2, python-glmnet is under the GPL); what cannot be installed is told and left out.

Usage: `python linear_vs_peers.py [--quick] [TABLE …]`
"""

# pyright: reportMissingImports=false, reportArgumentType=false, reportAttributeAccessIssue=false
from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from recording import write_result
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import ElasticNetCV, LassoCV, LogisticRegressionCV, RidgeCV
from sklearn.preprocessing import StandardScaler

from shrinkage import L1, L2, GroupLasso, fit_path
from shrinkage import ElasticNet as ElasticNetPenalty
from shrinkage.datasets import shared_folder
from shrinkage.paths.engines.linear.classes import Logistic, Softmax
from shrinkage.paths.engines.linear.engine import of_two_classes
from shrinkage.paths.engines.linear.losses import Squared
from shrinkage.paths.engines.linear.norms import Norms
from shrinkage.paths.engines.linear.solver import Solver
from shrinkage.paths.engines.threads import one_blas_thread

HERE = Path(__file__).parent
FOLDS, COUNT, GAP, APART = 5, 20, 1e-6, 1e-5
OF_SCIKIT_LEARN, OF_PEERS = 1.0, 2.0
SECONDS = 6.0  # of a peer for a cell
CLASS_SECONDS = 12.0
REPEATS = 3
COMPARABLE = {"L1": 1e-8, "group": 1e-8, "L2": 1e-12, "elastic net": 1e-12}
"""Gaps of coefficients that may be compared to five digits: of ridges squared distances."""
PACKAGES = {"adelie": "adelie", "glmnet": "python-glmnet", "skglm": "skglm"}
PENALTIES = {"L1": L1(), "L2": L2(), "elastic net": ElasticNetPenalty(0.5), "group": GroupLasso()}
Table = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Cell:
    """Standardized rows and a penalty; `size`: of a group of neighbouring columns."""

    table: str
    penalty: str
    x: np.ndarray
    y: np.ndarray
    classes: int
    strengths: np.ndarray
    folds: np.ndarray
    size: int = 5

    @property
    def name(self) -> str:
        """Return the words for it."""
        return f"{self.table}, {self.penalty}"


def numbers(rows: int, columns: int) -> Callable[[], Table]:
    """Return a maker of numbers, of which 20 columns matter."""

    def make() -> Table:
        random = np.random.default_rng(0)
        x = random.normal(size=(rows, columns))
        weights = np.zeros(columns)
        weights[:20] = random.normal(size=20)
        return x, x @ weights + random.normal(size=rows)

    return make


def labels(rows: int, columns: int, classes: int) -> Callable[[], Table]:
    """Return a maker of classes whose centres differ in 20 columns."""

    def make() -> Table:
        random = np.random.default_rng(0)
        y = random.integers(0, classes, rows)
        centres = np.zeros((classes, columns))
        centres[:, :20] = random.normal(size=(classes, 20))
        return random.normal(size=(rows, columns)) + centres[y], y

    return make


def mice() -> Table:
    """Return the proteins of mice, medians for what is missing."""
    import pandas as pd

    folder = shared_folder("mice")
    if folder is None:
        raise FileNotFoundError("no mice here: set SHRINKAGE_SHARED_DATA to the folder of mice/")
    frame = pd.read_csv(folder / "Data_Cortex_Nuclear.csv")
    x = frame.iloc[:, 1:78].astype(float)
    return x.fillna(x.median()).to_numpy(), np.unique(frame["class"], return_inverse=True)[1]


def diabetes() -> Table:
    """Return its numbers as such."""
    x, y = load_diabetes(return_X_y=True)
    return np.asarray(x), np.asarray(y, dtype=np.float64)


ALL = tuple(PENALTIES)
TABLES: dict[str, tuple[Callable[[], Any], tuple[str, ...], int]] = {
    "diabetes": (diabetes, ALL, COUNT),
    "breast-cancer": (lambda: load_breast_cancer(return_X_y=True), ALL, COUNT),
    "digits": (lambda: load_digits(return_X_y=True), ALL, COUNT),
    "mice": (mice, ALL, COUNT),
    "200 x 10,000": (numbers(200, 10_000), ALL, COUNT),
    "171 x 5,748, 4 classes": (labels(171, 5748, 4), ("L2",), 10),
    "62 x 2,000, 2 classes": (labels(62, 2000, 2), ("L1", "group"), COUNT),
    "73 x 325, 7 classes": (labels(73, 325, 7), ("L1",), COUNT),
    "102 x 5,966, 2 classes": (labels(102, 5966, 2), ("L1",), COUNT),
}


def cells(table: str) -> list[Cell]:
    """Return the cells of a table."""
    make, penalties, count = TABLES[table]
    x, y = make()
    x = StandardScaler().fit_transform(x[:, x.std(axis=0) > 0])
    classes = len(np.unique(y)) if y.dtype.kind in "iu" else 0
    target = (y[:, None] == np.unique(y)) * 1.0 if classes else y[:, None]
    top = float(np.abs(x.T @ (target - target.mean(axis=0))).max() / len(y))
    folds = np.random.default_rng(0).permutation(len(y)) % FOLDS
    factors = {"L1": 1.0, "L2": 10.0, "elastic net": 2.0, "group": 1.0}
    return [
        Cell(table, p, x, y, classes, np.geomspace(1, 1e-3, count) * factors[p] * top, folds)
        for p in penalties
    ]


def loss_of(cell: Cell, fold: int) -> Any:
    """Return the loss of all rows but those of a fold."""
    x, y = cell.x[cell.folds != fold], cell.y[cell.folds != fold]
    share = np.full(len(y), 1 / len(y))
    if not cell.classes:
        return Squared(x, y, share)
    if cell.classes == 2:
        return Logistic(x, y, share)
    return Softmax(x, y, share, cell.classes)


def norms_of(cell: Cell, strength: float) -> Norms:
    """Return the penalty: groups of neighbouring columns, of many classes those of an input."""
    inputs, outputs = cell.x.shape[1], max(1, cell.classes)
    shares = {"L1": (1, 0, 0), "L2": (0, 1, 0), "elastic net": (0.5, 0.5, 0), "group": (0, 0, 1)}
    alpha, beta, gamma = (strength * share for share in shares[cell.penalty])
    groups = None
    if gamma:
        groups = np.arange(inputs) // (1 if cell.classes > 2 else cell.size)
        groups = np.broadcast_to(groups, (outputs, inputs))
    norms = Norms(alpha, beta, gamma, groups, np.zeros(inputs, dtype=bool))
    return of_two_classes(norms) if cell.classes == 2 else norms


def ours(cell: Cell) -> tuple[float, list[np.ndarray], float]:
    """Return CPU seconds, the weights of every fold (strengths, outputs, inputs), and the gap."""
    begin, weights, gap = time.process_time(), [], 0.0
    for fold in range(FOLDS):
        solver = Solver(loss_of(cell, fold))
        solved = [solver.solve(norms_of(cell, strength)) for strength in cell.strengths]
        weights.append(np.array([one.weights for one in solved]))
        gap = max(gap, *(one.gap for one in solved))
    return time.process_time() - begin, weights, gap


def gap_of(cell: Cell, fold: int, weights: np.ndarray) -> float:
    """Return the largest relative duality gap of a fold, intercepts at their best."""
    solver, largest = Solver(loss_of(cell, fold)), 0.0
    for strength, own in zip(cell.strengths, weights, strict=True):
        norms = norms_of(cell, strength)
        place = solver._settled(solver._loss.at(own, solver._zero.intercept), norms)
        slope = place.pull @ solver._loss.x
        largest = max(largest, solver._gap(place, slope, norms))
    return largest


def judged(cell: Cell, kept: Any) -> dict[str, Any]:
    """Return seconds and gap of the loosest tolerance with a certificate, else of the last one."""
    figures: dict[str, Any] = {"said": str(kept["said"])}
    for number in range(sum(name.startswith("tolerance_") for name in kept)):
        weights = [kept[f"weights_{number}_{fold}"] for fold in range(FOLDS)]
        gap = max(gap_of(cell, fold, own) for fold, own in enumerate(weights))
        if gap <= COMPARABLE[cell.penalty]:
            figures["weights"] = weights
        if figures.get("gap", np.inf) > GAP:
            figures |= {
                "seconds": round(float(kept[f"seconds_{number}"]), 4),
                "tolerance": float(kept[f"tolerance_{number}"]),
                "gap": gap,
            }
    return figures


def peers_python() -> Path | None:
    """Return the Python of the peers, made where there is none."""
    given = os.environ.get("SHRINKAGE_PEERS")
    if given:
        return Path(given)
    folder = HERE.parent / ".venv-peers"
    python = folder / "bin" / "python"
    if not python.exists():
        print("making an environment for the peers …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        for package in PACKAGES.values():
            command = [str(python), "-m", "pip", "install", "--quiet", package]
            if subprocess.run(command, check=False, timeout=600).returncode:
                print(f"{package} cannot be installed here and is left out")
    return python


def run_peers(paths: list[Path], seconds: float) -> None:
    """Fit all cells by all peers, each on one thread, in a process of its own."""
    one = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    python = peers_python()
    for peer in ("scikit-learn", *PACKAGES):
        own = Path(sys.executable) if peer == "scikit-learn" else python
        command = [str(own), str(HERE / "linear_peers.py"), peer, str(seconds), *map(str, paths)]
        subprocess.run(command, check=False, env={**os.environ, **one})


def class_of(cell: Cell) -> Any:
    """Return the class of scikit-learn that a user takes, or None."""
    rows, strengths = len(cell.y) * 0.8, cell.strengths
    if cell.penalty == "group":
        return None
    if not cell.classes:
        if cell.penalty == "L2":
            return RidgeCV(alphas=strengths * rows, cv=FOLDS)
        if cell.penalty == "L1":
            return LassoCV(alphas=strengths, cv=FOLDS)
        return ElasticNetCV(l1_ratio=0.5, alphas=strengths, cv=FOLDS)
    share = {"L1": 1.0, "L2": 0.0, "elastic net": 2 / 3 if cell.classes == 2 else 0.5}[cell.penalty]
    scale = {"L1": 1.0, "L2": 0.5, "elastic net": 0.75}[cell.penalty] if cell.classes == 2 else 1.0
    return LogisticRegressionCV(
        Cs=1 / (scale * strengths * rows * (1 - 1 / FOLDS)),
        cv=FOLDS,
        l1_ratios=(share,),
        solver="lbfgs" if cell.penalty == "L2" else "saga",
        max_iter=1000,
        scoring="accuracy",
        use_legacy_attributes=False,
    )


def timed(fit: Callable[[], object]) -> float:
    """Return the seconds of a fit, or those after which it was ended: it takes longer."""

    def ended(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, ended)
    signal.setitimer(signal.ITIMER_REAL, CLASS_SECONDS)
    begin = time.perf_counter()
    try:
        fit()
    except TimeoutError:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return time.perf_counter() - begin


def whole(cell: Cell) -> dict[str, Any]:
    """Return the seconds of `fit_path` and of scikit-learn's class, alternated."""
    options: dict[str, Any] = {"penalty": PENALTIES[cell.penalty], "folds": FOLDS}
    if cell.penalty == "group" and cell.classes <= 2:
        places = range(0, cell.x.shape[1], cell.size)
        options["groups_of_inputs"] = {
            f"g{first}": [f"x{i}" for i in range(first, min(first + cell.size, cell.x.shape[1]))]
            for first in places
        }
    times: dict[str, list[float]] = {"ours": [], "class": []}
    strengths = tuple(cell.strengths[::-1].tolist())
    gap = 0.0
    for _ in range(REPEATS):
        begin = time.perf_counter()
        result = fit_path("linear", cell.x, cell.y, strengths=strengths, progress=False, **options)
        times["ours"].append(time.perf_counter() - begin)
        assert result.residual is not None
        assert result.model_file is not None
        gap = float(np.nanmax(result.residual))
        model = class_of(cell)
        if model is not None and sum(times["class"]) < CLASS_SECONDS / 2:
            rows = np.setdiff1d(np.arange(len(cell.y)), result.model_file.test_rows)
            times["class"].append(timed(partial(model.fit, cell.x[rows], cell.y[rows])))
    figures = {name: round(median(took), 3) for name, took in times.items() if took}
    return {**figures, "gap": gap}


def figures_of(cell: Cell, path: Path) -> dict[str, Any]:
    """Return the figures of a cell, and what they say of the goals."""
    with one_blas_thread:
        runs = [ours(cell) for _ in range(REPEATS)]
        seconds, weights, gap = min(run[0] for run in runs), *runs[0][1:]
        peers = {}
        for peer in ("scikit-learn", *PACKAGES):
            kept = path.with_name(f"{path.stem}.{peer}.npz")
            peers[peer] = judged(cell, np.load(kept)) if kept.exists() else {"said": "not run"}
    apart = {}
    for peer, figures in peers.items():
        theirs = figures.pop("weights", None)
        if theirs is not None:
            pairs = list(zip(weights, theirs, strict=True))
            apart[peer] = max(float(np.abs(a - b).max()) for a, b in pairs)
    certified = {p: f["seconds"] for p, f in peers.items() if f.get("gap", np.inf) <= GAP}
    end_to_end = whole(cell)
    return {
        "seconds": round(seconds, 4),
        "gap": gap,
        "peers": peers,
        "apart": apart,
        "fastest": min(certified, key=certified.__getitem__) if certified else None,
        "ratio": round(seconds / min(certified.values()), 2) if certified else None,
        "whole": end_to_end,
        "whole_ratio": round(end_to_end["ours"] / end_to_end["class"], 2)
        if "class" in end_to_end
        else None,
    }


def goals_of(figures: dict[str, Any]) -> dict[str, bool | None]:
    """Return which goals are met; None where there is nobody to compare with."""
    ratio, whole_ratio, apart = figures["ratio"], figures["whole_ratio"], figures["apart"]
    if figures["whole"].get("class", 0.0) >= CLASS_SECONDS and whole_ratio > OF_SCIKIT_LEARN:
        whole_ratio = None  # the class was ended before it was done
    return {
        "gap": figures["gap"] <= GAP,
        "peers": None if ratio is None else ratio <= OF_PEERS,
        "scikit-learn": None if whole_ratio is None else whole_ratio <= OF_SCIKIT_LEARN,
        "coefficients": min(apart.values()) <= APART if apart else None,
    }


def told(figures: dict[str, Any]) -> str:
    """Return a line of figures."""
    parts = [f"solved {figures['seconds']:.3f} s, gap {figures['gap']:.0e}"]
    for peer, own in figures["peers"].items():
        if "seconds" in own:
            mark = "" if own["gap"] <= GAP else f" (gap {own['gap']:.0e})"
            parts.append(f"{peer} {own['seconds']:.3f}{mark}")
        elif own["said"] not in ("has no such model", ""):
            parts.append(f"{peer}: {own['said']}")
    own = figures["whole"]
    parts.append(f"whole {own['ours']:.2f} s, scikit-learn's class {own.get('class', '-')}")
    if figures["apart"]:
        parts.append(f"apart {min(figures['apart'].values()):.0e}")
    return "; ".join(parts)


def main(arguments: list[str]) -> None:
    """Compare all cells, or those of some tables, and write the figures."""
    warnings.simplefilter("ignore")
    tables = [name for name in arguments if not name.startswith("--")] or list(TABLES)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for table in tables:
            try:
                own = cells(table)
            except FileNotFoundError as error:
                print(error)
                continue
            for cell in own:
                path = Path(folder, f"{len(files)}.npz")
                fields = ("x", "y", "classes", "strengths", "folds", "penalty", "size")
                np.savez(path, **{name: np.asarray(getattr(cell, name)) for name in fields})
                files[path] = cell
        run_peers(list(files), 1.0 if "--quick" in arguments else SECONDS)
        for path, cell in files.items():
            figures = figures_of(cell, path)
            goals = goals_of(figures)
            missed = [name for name, met in goals.items() if met is False]
            verdict = f"MISSED {', '.join(missed)}" if missed else "met"
            print(f"{cell.name}: {told(figures)}: {verdict}", flush=True)
            results[cell.name] = {**figures, "goals": goals}
    write_result(
        "linear_vs_peers",
        {
            "cells": results,
            "goals": {
                "gap": GAP,
                "peers": OF_PEERS,
                "scikit-learn": OF_SCIKIT_LEARN,
                "apart": APART,
            },
        },
    )


if __name__ == "__main__":
    main(sys.argv[1:])
