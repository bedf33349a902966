"""Convex problems whose optimum scikit-learn knows, and what it means to have reached it."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, make_regression
from sklearn.linear_model import ElasticNet, LogisticRegression
from sklearn.preprocessing import StandardScaler

Rows = tuple[np.ndarray, np.ndarray]


def regression(rows: int = 60) -> Rows:
    """Return rows of 12 standardized columns, of which 4 tell something of the target."""
    x, y = make_regression(rows, 12, n_informative=4, noise=5.0, random_state=0)[:2]
    return StandardScaler().fit_transform(x), (y - y.mean()) / y.std()


def diabetes() -> Rows:
    """Return the 442 rows of 10 columns, both sides standardized."""
    x, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(x), (y - y.mean()) / y.std()


def cancer() -> Rows:
    """Return the 569 rows of 30 standardized columns, and classes 0.0 and 1.0."""
    x, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(x), y.astype(float)


def two_classes() -> Rows:
    """Return 200 rows of 12 correlated columns, of sizes from 0.5 to 2, and classes 0 and 1."""
    random = np.random.default_rng(0)
    rows = 0.55 * random.standard_normal((200, 1)) + 0.84 * random.standard_normal((200, 12))
    rows *= np.geomspace(0.5, 2, 12)[random.permutation(12)]
    chance = 1 / (1 + np.exp(-rows[:, :4] @ [1.5, -1.0, 0.8, 0.5]))
    return rows, (random.random(200) < chance).astype(float)


def elastic_net(strength: float, l1_ratio: float = 1.0, **options: bool) -> ElasticNet:
    """Return scikit-learn's elastic net, which is its lasso where `l1_ratio` is 1."""
    return ElasticNet(strength, l1_ratio=l1_ratio, tol=1e-14, max_iter=1_000_000, **options)


def logistic(strength: float, rows: int, l1_ratio: float = 1.0) -> LogisticRegression:
    """Return scikit-learn's logistic regression; its C is 1 / (rows · strength)."""
    inverse = 1 / (strength * rows)
    options = {"solver": "saga", "max_iter": 1_000_000, "random_state": 0}
    return LogisticRegression(C=inverse, l1_ratio=l1_ratio, tol=1e-10, **options)


def assert_same_optimum(ours: np.ndarray, theirs: np.ndarray, distance: float = 1e-6) -> None:
    """Weights as near as that and the same zeros, of which there are some but not only."""
    assert 0 < np.count_nonzero(theirs) < theirs.size
    np.testing.assert_array_equal(ours == 0, theirs == 0)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=distance)
