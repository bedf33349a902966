"""The proximal update ends where scikit-learn ends, zeros included, under every known optimizer."""

from __future__ import annotations

from functools import partial

import keras
import numpy as np
from sklearn.linear_model import ElasticNet as ScikitElasticNet
from sklearn.linear_model import Lasso

from shrinkage import L1, L2, GroupLasso
from shrinkage.keras import regularize
from tests.keras.checks.networks import OPTIMIZERS, hidden, kernel, linear, regression, train

ALPHA = 0.2
# As many as bring each to a tenth of the tolerance.
STEPS = {
    "SGD": 100,
    "momentum": 320,
    "Nesterov": 250,
    "Adam": 360,
    "amsgrad": 380,
    "Nadam": 300,
    "Adamax": 360,
    "AdamW": 360,
    "RMSprop": 350,
    "RMSprop momentum": 400,
    "centered": 180,
    "Adagrad": 220,
}


def _lasso(name: str) -> None:
    keras.config.set_floatx("float64")
    try:
        model = linear(OPTIMIZERS[name](), "float64")
        regularize(model, ALPHA * L1())
        train(model, STEPS[name], "float64")
    finally:
        keras.config.set_floatx("float32")
    x, y = regression("float64")
    peer = Lasso(alpha=ALPHA, fit_intercept=False, tol=1e-12).fit(x, y[:, 0]).coef_
    ours = kernel(model)[:, 0]
    assert 3 <= (peer == 0).sum() < 8
    assert np.array_equal(ours == 0, peer == 0), (ours, peer)
    np.testing.assert_allclose(ours, peer, atol=1e-6)


CHECKS = {f"the optimum of the lasso under {name}": partial(_lasso, name) for name in OPTIMIZERS}


def check_elastic_net_is_scikit_learns() -> None:
    model = linear(keras.optimizers.Adam(0.05))
    regularize(model, 0.5 * ALPHA * L1() + 0.5 * ALPHA * L2())
    train(model, 500)
    x, y = regression("float64")
    peer = ScikitElasticNet(alpha=ALPHA, l1_ratio=0.5, fit_intercept=False, tol=1e-12)
    peer.fit(x, y[:, 0])
    assert np.array_equal(kernel(model)[:, 0] == 0, peer.coef_ == 0)
    np.testing.assert_allclose(kernel(model)[:, 0], peer.coef_, atol=1e-4)


def check_groups_of_inputs_vanish_together() -> None:
    ways = {"torch": (False,), "jax": (True,), "tensorflow": (False, True)}
    for compiled in ways[keras.backend.backend()]:
        model = hidden(keras.optimizers.Adam(0.02), jit_compile=compiled)
        attachment = regularize(model, (0.05 * GroupLasso(per="input")).on("first.*"))
        train(model, 200)
        rows = kernel(model, "first")
        gone = (rows == 0).all(axis=1)
        assert 0 < gone.sum() < 8, rows
        assert not (rows[~gone] == 0).any()
        assert not np.signbit(rows[gone]).any()
        assert attachment.zeros() == {"first.kernel": int(gone.sum()) * 6}
