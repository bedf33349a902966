"""A path of 20 strengths × 5 folds against scikit-learn's grid search over its own network.

Both train an MLP 64-32 on the same standardized rows of the digits, at the same 20 strengths of
L2 (scikit-learn's `alpha` is ours times its batch size), on the same folds, for as many epochs in
batches of as many rows, and refit. `MLPClassifier` has its own learning rate and Adam; it stops
early nowhere, as ours does not. Scores are those of the best strength over the folds; their
difference is taken fold by fold. `--small` trains little and writes nothing.
"""

from __future__ import annotations

import sys
import time
import warnings
from typing import Any

import numpy as np
from recording import write_result
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from shrinkage import L2, fit_path
from shrinkage.datasets import make_folds

STRENGTHS, FOLDS, JOBS, BATCH = 20, 5, 2, 128
WIDTHS, EPOCHS, SEED = (64, 32), 200, 0
GOAL = 15.0
Rows = tuple[Any, Any, Any, Any]


def rows() -> Rows:
    """Return training and test rows of the digits, scaled by the training rows."""
    X, y = load_digits(return_X_y=True)
    parts: Any = train_test_split(X, y, test_size=0.2, stratify=y, random_state=SEED)
    train, test, y_train, y_test = parts
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test), y_train, y_test


def ours(data: Rows, strengths: tuple[float, ...], folds: int, epochs: int) -> dict:
    """Return seconds, the best strength's scores over the folds, and its test score."""
    train, test, y_train, y_test = data
    begin = time.perf_counter()
    result = fit_path(
        f"mlp:{','.join(map(str, WIDTHS))}",
        *(train, y_train),
        penalty=L2(),
        strengths=strengths,
        folds=folds,
        epochs=epochs,
        batch_size=BATCH,
        seed=SEED,
        test=(test, y_test),
        progress=False,
    )
    seconds = time.perf_counter() - begin
    return {
        "seconds": seconds,
        "folds": result.fold_scores[result.best.index],
        "test": result.best.test_score,
    }


def theirs(data: Rows, strengths: tuple[float, ...], folds: int, epochs: int) -> dict:
    """Return the same of scikit-learn's grid search."""
    train, test, y_train, y_test = data
    training: Any = {"batch_size": BATCH, "max_iter": epochs, "n_iter_no_change": epochs}
    network = MLPClassifier(WIDTHS, tol=0.0, random_state=SEED, **training)
    search = GridSearchCV(
        network,
        {"alpha": [strength * BATCH for strength in strengths]},
        cv=make_folds(y_train, "classification", None, folds, SEED),
        n_jobs=JOBS,
    )
    begin = time.perf_counter()
    search.fit(train, y_train)
    seconds = time.perf_counter() - begin
    scores = [search.cv_results_[f"split{k}_test_score"][search.best_index_] for k in range(folds)]
    return {"seconds": seconds, "folds": np.array(scores), "test": search.score(test, y_test)}


def figures(mine: dict, peer: dict) -> dict[str, object]:
    """Return the ratio of times and the difference of scores with its standard error."""
    apart = mine["folds"] - peer["folds"]
    return {
        "ours_seconds": round(mine["seconds"], 2),
        "grid_search_seconds": round(peer["seconds"], 2),
        "times_as_fast": round(peer["seconds"] / mine["seconds"], 1),
        "ours_cv_score": round(float(mine["folds"].mean()), 4),
        "grid_search_cv_score": round(float(peer["folds"].mean()), 4),
        "cv_score_difference": round(float(apart.mean()), 4),
        "cv_score_difference_se": round(float(apart.std(ddof=1) / len(apart) ** 0.5), 4),
        "ours_test_score": round(mine["test"], 4),
        "grid_search_test_score": round(peer["test"], 4),
    }


def main(small: bool) -> None:
    """Run both, print the ratio, write the result."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    count, folds, epochs = (4, 2, 10) if small else (STRENGTHS, FOLDS, EPOCHS)
    strengths = tuple(np.geomspace(1e-5, 1e-1, count).tolist())
    data = rows()
    result = figures(ours(data, strengths, folds, epochs), theirs(data, strengths, folds, epochs))
    for name, value in result.items():
        print(f"{name.replace('_', ' ')}: {value}")
    fast = float(str(result["times_as_fast"]))
    print(f"goal {GOAL:g} times as fast: {'met' if fast >= GOAL else 'MISSED'}")
    if not small:
        settings = {"strengths": count, "folds": folds, "epochs": epochs, "goal": GOAL}
        write_result("path_vs_grid_search", {**settings, **result})


if __name__ == "__main__":
    main("--small" in sys.argv[1:])
