"""`proximal` under optax reaches scikit-learn's lasso: weights to 1e-6, the same zeros."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from shrinkage import L1
from shrinkage.optax import (
    AdamaxMetric,
    AmsgradMetric,
    NadamMetric,
    RadamMetric,
    RMSpropMetric,
    SGDMetric,
    proximal,
)
from tests.builders.convex import assert_same_optimum, elastic_net, regression
from tests.optax.small_networks import train

ALPHA, STEPS = 0.1, 800


def falling(rate: float) -> optax.Schedule:
    """Return a learning rate that falls in the last third."""
    return lambda count: rate * 0.5 ** jnp.maximum(0.0, 60 * count / STEPS - 40)


OPTIMIZERS = {
    "sgd": (optax.sgd, 0.5, {}, None),
    "nesterov": (
        optax.sgd,
        0.1,
        {"momentum": 0.9, "nesterov": True},
        SGDMetric(momentum=0.9, nesterov=True),
    ),
    "adam": (optax.adam, 0.1, {}, None),
    "nadam": (optax.nadam, 0.1, {"b2": 0.99}, NadamMetric(b2=0.99)),
    "radam": (optax.radam, 0.1, {}, RadamMetric()),
    "adamax": (optax.adamax, 0.1, {"b2": 0.9}, AdamaxMetric()),
    "amsgrad": (optax.amsgrad, 0.1, {"eps": 1e-3}, AmsgradMetric(eps=1e-3)),
    "adamw": (optax.adamw, 0.1, {"weight_decay": 0.0}, None),
    "rmsprop": (optax.rmsprop, 0.05, {"eps": 1e-2}, RMSpropMetric(eps=1e-2)),
    "rmsprop-corrected": (
        optax.rmsprop,
        0.05,
        {"eps": 1e-2, "bias_correction": True, "momentum": 0.3},
        RMSpropMetric(eps=1e-2, momentum=0.3),
    ),
    "rmsprop-centered": (
        optax.rmsprop,
        0.05,
        {"eps": 1e-2, "centered": True, "bias_correction": True},
        RMSpropMetric(eps=1e-2),
    ),
    "adagrad": (optax.adagrad, 0.5, {}, None),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_lasso(name):
    x, y = regression()
    peer = elastic_net(ALPHA).fit(x, y)
    kind, rate, options, metric = OPTIMIZERS[name]
    schedule = falling(rate)

    def loss(params):
        out = x @ params["linear"]["kernel"] + params["linear"]["bias"]
        return 0.5 * jnp.square(out[:, 0] - y).mean()

    with jax.enable_x64(True):
        start = np.random.default_rng(0).uniform(-0.2, 0.2, size=(12, 1))
        params = {"linear": {"kernel": jnp.asarray(start), "bias": jnp.zeros(1)}}
        optimizer = proximal(kind(schedule, **options), ALPHA * L1(), schedule, metric=metric)
        params = train(optimizer, params, loss, STEPS)
    ours = np.asarray(params["linear"]["kernel"])[:, 0]
    assert_same_optimum(ours, peer.coef_)
