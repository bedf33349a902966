"""Paths with products in bfloat16 against paths in float32, on ten data sets.

The same path twice, apart from the precision of its products: do the scores agree within one
standard error of float32 at every strength, and is the chosen strength the same, or one whose
float32 score lies within one standard error of the best? Products of all layers are narrow here,
also of those that are too small to gain from it.

Where the processor has no bfloat16 products they are emulated: what goes in and comes out is
rounded, sums are in float32, as in the processors that have them. Then the time says nothing, and
none is told.
"""

from __future__ import annotations

import os
import time

import numpy as np
from recording import write_result
from sklearn.datasets import load_iris, make_classification, make_friedman1, make_regression

from shrinkage import L1, L2, ElasticNet, GroupLasso, fit_path
from shrinkage.datasets import load_dataset, shared_folder
from shrinkage.paths.engines import precision
from shrinkage.penalties import Penalty

FOLDS, STRENGTHS = 5, 10
ROWS = 2000  # of MNIST
MODEL = "mlp:64,32"


def data_sets() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return ten tables: those of scikit-learn, made ones, and shared ones where they are."""
    tables = {}
    for name in ("digits", "breast-cancer", "wine", "diabetes"):
        data = load_dataset(name)
        tables[name] = np.asarray(data.X, np.float64), np.asarray(data.y)
    tables["iris"] = load_iris(return_X_y=True)
    tables["friedman"] = make_friedman1(1000, 10, noise=1.0, random_state=0)
    tables["numbers"] = make_regression(600, 50, n_informative=10, noise=20.0, random_state=0)
    informative = {"n_informative": 8, "n_redundant": 5, "flip_y": 0.1, "random_state": 0}
    tables["classes"] = make_classification(1000, 40, n_classes=4, **informative)
    tables["wide classes"] = make_classification(200, 500, **informative)
    folder = shared_folder("mnist")
    if folder is None:
        tables["rare classes"] = make_classification(1500, 20, weights=[0.95], **informative)
    else:
        data = load_dataset(str(folder))
        tables["mnist"] = np.asarray(data.X[:ROWS], np.float32), np.asarray(data.y[:ROWS])
    return tables


PENALTIES = (L1(), L2(), ElasticNet(0.3), GroupLasso(per="input"))


def compare(X: np.ndarray, y: np.ndarray, penalty: Penalty) -> dict[str, object]:
    """Return how far the narrow path's scores are from the wide one's, and what each chooses."""
    summaries, seconds = {}, {}
    grid: int | tuple[float, ...] = STRENGTHS
    for kind in ("float32", "bfloat16"):
        begin = time.perf_counter()
        path = fit_path(
            MODEL, X, y, penalty=penalty, strengths=grid, folds=FOLDS, precision=kind, epochs=30
        )
        seconds[kind] = time.perf_counter() - begin
        summaries[kind] = path.summary
        grid = tuple(float(strength) for strength in path.strengths)  # one grid for both
    wide, narrow = summaries["float32"], summaries["bfloat16"]
    error = np.array(wide["cv_score_se"])
    scores = (np.array(one["cv_score_mean"]) for one in (narrow, wide))
    apart = np.abs(np.subtract(*scores))
    best, chosen = (one["best"]["index"] for one in (wide, narrow))
    lost = wide["cv_score_mean"][best] - wide["cv_score_mean"][chosen]
    figures: dict[str, object] = {
        "largest_difference": round(float(apart.max()), 4),
        "standard_errors": round(float(np.median(apart / np.maximum(error, 1e-6))), 2),
        "within_one": int((apart <= error).sum()),
        "strengths": len(error),
        "best_score": [one["best"]["cv_score"] for one in (wide, narrow)],
        "same_choice": bool(best == chosen),
        "choice_within_one_standard_error": bool(lost <= error[best]),
    }
    if precision.is_there("cpu"):
        figures["seconds"] = {kind: round(value, 1) for kind, value in seconds.items()}
    return figures


def main() -> None:
    """Compare on each table and write the result."""
    os.environ[precision.EMULATE] = "1"
    precision.LEAST_WEIGHTS = 0
    there = precision.is_there("cpu")
    print("products of bfloat16:", "of the processor" if there else "emulated, speed not measured")
    figures: dict[str, object] = {"emulated": not there, "speed_measured": there}
    results = {}
    for number, (name, (X, y)) in enumerate(data_sets().items()):
        penalty = PENALTIES[number % len(PENALTIES)]
        results[name] = found = {"penalty": repr(penalty), **compare(X, y, penalty)}
        print(
            f"{name}, {penalty!r}: largest difference {found['largest_difference']}, within one "
            f"standard error at {found['within_one']} of {found['strengths']}, choice "
            f"{'the same' if found['same_choice'] else 'another'}, within one standard error: "
            f"{found['choice_within_one_standard_error']}"
        )
    good = sum(bool(one["choice_within_one_standard_error"]) for one in results.values())
    print(f"goal: choice within one standard error of float32 on all: {good} of {len(results)}")
    write_result("precision", {**figures, "data": results})


if __name__ == "__main__":
    main()
