"""Linear paths against scikit-learn's own classes: 20 strengths, 5 folds, one run.

Each cell is a data set and a penalty. Ours is `fit_path("linear", …)` from the table to the report
of scores, three refits included; the peer is the class that a user of scikit-learn takes, at its
own tolerance, on the same strengths and as many folds, refit included. They are alternated; the
figure is the ratio of medians. Beside it: the largest relative duality gap of ours over strengths
and folds, and how far the coefficients of both are apart on all rows at a middle strength.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from recording import write_result
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeCV,
)
from sklearn.preprocessing import StandardScaler

from shrinkage import L1, L2, fit_path
from shrinkage import ElasticNet as ElasticNetPenalty

REPEATS, FOLDS, COUNT = 3, 5, 20
GOAL = 1.0
Table = tuple[np.ndarray, np.ndarray]


def wide() -> Table:
    """Return 200 rows of 10,000 columns, of which 20 matter."""
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 10_000))
    weights = np.zeros(10_000)
    weights[:20] = random.normal(size=20)
    return x, x @ weights + random.normal(size=200)


def scaled(x: np.ndarray) -> np.ndarray:
    """Return columns of mean 0 and variance 1, without constant ones."""
    return StandardScaler().fit_transform(x[:, x.std(axis=0) > 0])


TABLES: dict[str, Callable[[], Table]] = {
    "diabetes": lambda: load_diabetes(return_X_y=True),
    "breast-cancer": lambda: load_breast_cancer(return_X_y=True),
    "digits": lambda: load_digits(return_X_y=True),
    "200 × 10,000": wide,
}
PENALTIES = {"L1": L1(), "L2": L2(), "elastic net": ElasticNetPenalty(0.5)}
# (strength, share of L1) of scikit-learn's; of two classes it has one weight where there are two
# here, w/2 and −w/2, whose ½Σw² is half as large.
MIXES = {"L1": (1.0, 1.0), "L2": (1.0, 0.0), "elastic net": (1.0, 0.5)}
OF_TWO_CLASSES = {"L1": (1.0, 1.0), "L2": (0.5, 0.0), "elastic net": (0.75, 2 / 3)}


def top_of(x: np.ndarray, y: np.ndarray, name: str) -> float:
    """Return a strength at which few weights or none are left."""
    target = y - y.mean() if y.dtype == float else (y[:, None] == np.unique(y)) - 1.0 / len(set(y))
    top = float(np.abs(x.T @ target).max() / len(y))
    return top if name == "L1" else 2 * top if name == "elastic net" else 10 * top


def peer(name: str, classes: int, strengths: np.ndarray, rows: int) -> Any:
    """Return the class that a user takes; 0 classes: numbers."""
    if not classes:
        if name == "L2":
            return RidgeCV(alphas=strengths * rows, cv=FOLDS)
        if name == "L1":
            return LassoCV(alphas=strengths, cv=FOLDS)
        return ElasticNetCV(l1_ratio=0.5, alphas=strengths, cv=FOLDS)
    smooth = name == "L2"
    scale, share = (OF_TWO_CLASSES if classes == 2 else MIXES)[name]
    return LogisticRegressionCV(
        Cs=1 / (scale * strengths[::-1] * rows * (1 - 1 / FOLDS)),
        cv=FOLDS,
        l1_ratios=(share,),
        solver="lbfgs" if smooth else "saga",
        max_iter=1000,
        scoring="accuracy",
        use_legacy_attributes=False,
    )


def precise(name: str, classes: int, strength: float, rows: int) -> Any:
    """Return the class for one strength, to a tight tolerance."""
    if not classes:
        if name == "L2":
            return Ridge(alpha=strength * rows)
        if name == "L1":
            return Lasso(alpha=strength, tol=1e-12, max_iter=10**6)
        return ElasticNet(alpha=strength, l1_ratio=0.5, tol=1e-12, max_iter=10**6)
    smooth = name == "L2"
    scale, share = (OF_TWO_CLASSES if classes == 2 else MIXES)[name]
    return LogisticRegression(
        C=1 / (scale * strength * rows),
        l1_ratio=share,
        solver="lbfgs" if smooth else "saga",
        tol=1e-8,
        max_iter=20_000,
        random_state=0,
    )


def training_rows(result: Any, count: int) -> np.ndarray:
    """Return the rows that are not of the test."""
    return np.setdiff1d(np.arange(count), result.model_file.test_rows)


def compare(table: str, name: str) -> dict[str, Any]:
    """Return the figures of one cell."""
    x, y = TABLES[table]()
    x, classes = scaled(x), len(np.unique(y)) if y.dtype.kind in "iu" else 0
    strengths = np.geomspace(1e-3, 1, COUNT) * top_of(x, y, name)
    options = {"penalty": PENALTIES[name], "folds": FOLDS, "progress": False}
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    gap = 0.0
    for _ in range(REPEATS):
        begin = time.perf_counter()
        result = fit_path("linear", x, y, strengths=tuple(strengths), **options)
        times["ours"].append(time.perf_counter() - begin)
        gap = float(np.nanmax(result.residual))
        rows = training_rows(result, len(y))
        begin = time.perf_counter()
        peer(name, classes, strengths, len(rows)).fit(x[rows], y[rows])
        times["peer"].append(time.perf_counter() - begin)
    ratio = median(times["ours"]) / median(times["peer"])
    seconds = {key: round(median(values), 3) for key, values in times.items()}
    print(f"{table}, {name}: ours {seconds['ours']} s, scikit-learn {seconds['peer']} s, ", end="")
    print(f"ratio {ratio:.2f} (goal {GOAL:g}), gap {gap:.0e}", flush=True)
    apart = coefficients(table, name) if len(x[0]) < 1000 else None
    return {"seconds": seconds, "ratio": round(ratio, 3), "gap": gap, "coefficients_apart": apart}


def coefficients(table: str, name: str) -> float:
    """Return how far the coefficients of both are apart on all rows, in the middle of the path."""
    x, y = TABLES[table]()
    x, classes = scaled(x), len(np.unique(y)) if y.dtype.kind in "iu" else 0
    strength = 0.03 * top_of(x, y, name)
    result = fit_path(
        "linear",
        x,
        y,
        penalty=PENALTIES[name],
        strengths=(strength, 2 * strength),
        folds=2,
        refit="all",
        progress=False,
    )
    ours = result.weights["strength_0"]["0.weight"]
    rows = training_rows(result, len(y))
    x = scaled(x[rows])
    theirs = np.atleast_2d(precise(name, classes, strength, len(rows)).fit(x, y[rows]).coef_)
    if classes and len(theirs) == 1:
        ours = ours[1:] - ours[:1]
    return float(np.abs(ours - theirs).max())


def main(tables: list[str]) -> None:
    """Compare all cells, or those of some tables, and write the figures."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    cells = {}
    for table in tables or TABLES:
        for name in PENALTIES:
            cells[f"{table}, {name}"] = compare(table, name)
    write_result("linear_vs_peers", {"cells": cells, "goal": GOAL})


if __name__ == "__main__":
    main(sys.argv[1:])
