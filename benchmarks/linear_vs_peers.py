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

# pyright: reportArgumentType=false
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from linear_cells import FOLDS, PENALTIES, TABLES, Cell, cells
from linear_judging import (
    APART,
    CLASS_SECONDS,
    GAP,
    OF_PEERS,
    OF_SCIKIT_LEARN,
    goals_of,
    judged,
    ours,
    told,
    zeros_apart,
)
from recording import write_result
from sklearn.linear_model import ElasticNetCV, LassoCV, LogisticRegressionCV, RidgeCV

from shrinkage import fit_path
from shrinkage.paths.engines.threads import one_blas_thread

HERE = Path(__file__).parent
SECONDS = 6.0  # of a peer for a cell
REPEATS = 3
PACKAGES = {"adelie": "adelie", "glmnet": "python-glmnet", "skglm": "skglm"}


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
    options: dict[str, Any] = {"penalty": PENALTIES[cell.penalty], "folds": FOLDS, "repeats": 1}
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
    apart, zeros = {}, {}
    for peer, figures in peers.items():
        theirs = figures.pop("weights", None)
        if theirs is not None:
            pairs = list(zip(weights, theirs, strict=True))
            apart[peer] = max(float(np.abs(a - b).max()) for a, b in pairs)
            zeros[peer] = zeros_apart(cell, weights, theirs)
    certified = {p: f["seconds"] for p, f in peers.items() if f.get("gap", np.inf) <= GAP}
    end_to_end = whole(cell)
    return {
        "seconds": round(seconds, 4),
        "gap": gap,
        "peers": peers,
        "apart": apart,
        "zeros_apart": zeros,
        "fastest": min(certified, key=certified.__getitem__) if certified else None,
        "ratio": round(seconds / min(certified.values()), 2) if certified else None,
        "whole": end_to_end,
        "whole_ratio": round(end_to_end["ours"] / end_to_end["class"], 2)
        if "class" in end_to_end
        else None,
    }


def _kept() -> dict[str, Any]:
    """Return the cells of tables that were compared before, in runs of some tables each."""
    path = HERE / "results" / "linear_vs_peers.json"
    kept = json.loads(path.read_text())["cells"] if path.exists() else {}
    return {name: own for name, own in kept.items() if "goals" in own}


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
            "cells": {**_kept(), **results} if len(tables) < len(TABLES) else results,
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
