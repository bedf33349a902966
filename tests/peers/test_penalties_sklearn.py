"""scikit-learn reaches the same optimum: weights to 1e-6, the same zeros, the same top strength."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from sklearn import linear_model

from shrinkage.penalties import L1, L2, ElasticNet, Penalty
from shrinkage.terms import Part, closed_form
from tests.builders.convex import cancer, diabetes, elastic_net, logistic


def grid_of(count: int) -> dict[str, int]:
    """The argument for `count` strengths, renamed in scikit-learn 1.9."""
    version = tuple(int(number) for number in sklearn.__version__.split(".")[:2])
    return {"alphas" if version >= (1, 9) else "n_alphas": count}


def accelerated(gradient, prox, start: np.ndarray, step: float, steps: int) -> np.ndarray:
    """FISTA with restarts where the momentum turns uphill."""
    w, ahead, t = start, start, 1.0
    for _ in range(steps):
        new = prox(ahead - step * gradient(ahead), step)
        if np.sum((ahead - new) * (new - w)) > 0:
            t = 1.0
        following = (1 + np.sqrt(1 + 4 * t * t)) / 2
        ahead = new + (t - 1) / following * (new - w)
        w, t = new, following
    return w


def half_squares(X: np.ndarray, y: np.ndarray):
    return lambda w: X.T @ (X @ w - y) / len(y), 1 / np.linalg.eigvalsh(X.T @ X / len(y))[-1]


PEERS = [
    (L1(), lambda a: elastic_net(a, fit_intercept=False)),
    (ElasticNet(0.3), lambda a: elastic_net(a, 0.3, fit_intercept=False)),
    (L2(), lambda a: linear_model.Ridge(alpha=442 * a, fit_intercept=False)),
]


@pytest.mark.parametrize(("penalty", "peer"), PEERS, ids=["lasso", "elastic-net", "ridge"])
@pytest.mark.parametrize("strength", [0.5, 0.1, 0.01])
def test_least_squares(penalty: Penalty, peer, strength: float) -> None:
    X, y = diabetes()
    assert len(y) == 442
    gradient, step = half_squares(X, y)
    w = accelerated(
        gradient, lambda v, t: penalty.prox(v, strength * t), np.zeros(X.shape[1]), step, 2000
    )
    expected = peer(strength).fit(X, y).coef_
    np.testing.assert_allclose(w, expected, atol=1e-6, rtol=0)
    assert np.array_equal(w == 0, expected == 0)


def test_stacked_strengths_are_scikit_learn_s_path() -> None:
    X, y = diabetes()
    _, step = half_squares(X, y)
    alphas, expected, _ = linear_model.lasso_path(
        X, y, eps=1e-2, tol=1e-14, max_iter=10**6, **grid_of(6)
    )
    terms = closed_form([Part(alphas, L1())])
    w = accelerated(
        lambda v: (v @ X.T - y) @ X / len(y),
        lambda v, t: terms.prox(v, t, stacked=1),
        np.zeros((6, X.shape[1])),
        step,
        2000,
    )
    np.testing.assert_allclose(w, expected.T, atol=1e-6, rtol=0)
    assert np.array_equal(w == 0, expected.T == 0)
    assert not w[0].any()


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.1])
def test_the_critical_strength_is_the_first_alpha(ratio: float) -> None:
    X, y = diabetes()
    alphas = linear_model.enet_path(X, y, l1_ratio=ratio, **grid_of(3))[0]
    at_zero = -X.T @ y / len(y)
    critical = float(ElasticNet(ratio).critical_strength(at_zero))
    assert critical == pytest.approx(alphas[0], rel=1e-12)


@pytest.mark.parametrize("strength", [0.1, 0.02])
def test_l1_logistic_regression(strength: float) -> None:
    X, y = cancer()
    X = np.hstack([X, np.ones((len(y), 1))])

    def gradient(w: np.ndarray) -> np.ndarray:
        return X.T @ (1 / (1 + np.exp(-X @ w)) - y) / len(y)

    step = 4 / np.linalg.eigvalsh(X.T @ X / len(y))[-1]
    strengths = np.full(X.shape[1], strength)
    strengths[-1] = 0.0  # the intercept
    w = accelerated(
        gradient,
        lambda v, _: L1().prox(v, strengths * step),
        np.zeros(X.shape[1]),
        step,
        6000,
    )
    peer = logistic(strength, len(y)).fit(X[:, :-1], y)
    np.testing.assert_allclose(w[:-1], peer.coef_[0], atol=1e-6, rtol=0)
    assert np.array_equal(w[:-1] == 0, peer.coef_[0] == 0)
