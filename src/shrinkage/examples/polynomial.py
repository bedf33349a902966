"""The same points fitted with degree 3 and degree 10, and penalties that tame degree 10.

Fourteen noisy points of a smooth curve, one outlier among them. Without a penalty degree 10 chases
the outlier; ridge, lasso and elastic net along a path, with the strength chosen by cross
validation, give the smooth curve back. scikit-learn's models at the same strength have the same
coefficients.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.linear_model import ElasticNet as Their
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from shrinkage.examples.outcome import Check, Outcome, Table, at_least, at_most
from shrinkage.examples.polynomial_figures import curves_figure, path_figure, walk
from shrinkage.examples.polynomial_points import (
    GRID,
    HIGH,
    LOW,
    POINTS,
    Points,
    columns,
    off_truth,
    plain_fit,
    truth,
)
from shrinkage.examples.spread import mean_and_error
from shrinkage.paths import fit_path
from shrinkage.paths.results.fitted import FittedPath
from shrinkage.penalties import L1, L2, ElasticNet, Penalty

FOLDS = 5
STRENGTHS = tuple(float(s) for s in np.logspace(-2.5, 0, 8))
PENALTIES: Mapping[str, Penalty] = {"ridge": L2(), "lasso": L1(), "elastic net": ElasticNet(0.5)}


def path_of(points: Points, penalty: Penalty) -> FittedPath:
    """Return the path of degree 10, judged on the true curve."""
    return fit_path(
        "linear",
        columns(points.x),
        points.y,
        penalty=penalty,
        strengths=STRENGTHS,
        test=(columns(GRID), truth(GRID)),
        dtype="float64",
        folds=FOLDS,
        refit="all",
        progress=False,
    )


def scikit_learn_model(penalty: Penalty, strength: float) -> Pipeline:
    """Return scikit-learn's model of the same objective on the same scaled columns."""
    if isinstance(penalty, L2):
        model = Ridge(alpha=strength * POINTS)  # Ridge's sum of squares is not divided by the rows
    else:
        ratio = penalty.l1_ratio if isinstance(penalty, ElasticNet) else 1.0
        model = Their(alpha=strength, l1_ratio=ratio, tol=1e-10, max_iter=1_000_000)
    return make_pipeline(StandardScaler(), model)


def scikit_learn_difference(points: Points, path: FittedPath, penalty: Penalty) -> float:
    """Return the largest difference between both libraries' curves at the chosen strength."""
    theirs = scikit_learn_model(penalty, path.best.strength).fit(columns(points.x), points.y)
    difference = theirs.predict(columns(GRID)) - path.predict(columns(GRID), "best")
    return float(np.abs(difference).max())


def scikit_learn_choice(points: Points, penalty: Penalty) -> np.ndarray:
    """Return the curve of scikit-learn's model whose strength cross validation chooses."""
    folds = KFold(FOLDS, shuffle=True, random_state=0)
    models = [scikit_learn_model(penalty, strength) for strength in STRENGTHS]
    x = columns(points.x)
    scores = [
        cross_val_score(m, x, points.y, cv=folds, scoring="neg_mean_squared_error").mean()
        for m in models
    ]
    return models[int(np.argmax(scores))].fit(x, points.y).predict(columns(GRID))


def run(*, full: bool = False, draws: int = 12) -> Outcome:
    """Run the experiment on `draws` sets of points (100 when full).

    The path is of the first draw. The means over draws are of scikit-learn's fits, which are shown
    to be the same and are faster on fourteen points.
    """
    sets = [Points.drawn(seed) for seed in range(100 if full else draws)]
    errors = {
        "degree 3": [off_truth(plain_fit(points, LOW)) for points in sets],
        "degree 10": [off_truth(plain_fit(points, HIGH)) for points in sets],
    }
    for name, penalty in PENALTIES.items():
        found = [off_truth(scikit_learn_choice(points, penalty)) for points in sets]
        errors[f"degree 10, {name}"] = found
    first = {name: path_of(sets[0], penalty) for name, penalty in PENALTIES.items()}
    agreements = {
        name: scikit_learn_difference(sets[0], first[name], p) for name, p in PENALTIES.items()
    }
    return Outcome(
        "polynomial",
        f"{len(sets)} draws of {POINTS} points around sin 2.5x, each with one outlier",
        (_errors_table(errors), _choice_table(first, agreements)),
        _checks(errors, agreements),
        (curves_figure(sets[0], first["lasso"]), path_figure(first)),
        {f"path-{name.replace(' ', '-')}": path for name, path in first.items()},
        {"polynomial-slider": walk(sets[0], first)},
    )


def _errors_table(errors: Mapping[str, list[float]]) -> Table:
    rows = tuple((name, *mean_and_error(np.array(values))) for name, values in errors.items())
    names = ("fit", "distance from the true curve", "standard error")
    return Table("root mean squared distance, mean over the draws", names, rows)


def _choice_table(paths: Mapping[str, FittedPath], agreements: Mapping[str, float]) -> Table:
    rows = tuple(
        (name, path.best.strength, f"{path.best.nonzero} of {HIGH}", agreements[name])
        for name, path in paths.items()
    )
    names = ("penalty", "strength", "coefficients left", "difference from scikit-learn")
    return Table("the first draw: chosen by cross validation", names, rows)


def _checks(
    errors: Mapping[str, list[float]], agreements: Mapping[str, float]
) -> tuple[Check, ...]:
    plain = np.array(errors["degree 10"])
    checks = []
    for name in PENALTIES:
        mine = np.array(errors[f"degree 10, {name}"])
        gain, error = mean_and_error(plain - mine)
        checks.append(
            at_least(f"{name} nearer to the truth, in standard errors", gain / error, 2.0)
        )
    return (
        *checks,
        at_most("difference from scikit-learn", max(agreements.values()), 1e-6),
    )
