"""Where no gradient has come, a proximal step takes no more than twice what the optimizer moves."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from shrinkage import L1, L2, ElasticNet, GroupLasso
from shrinkage.optax import AdamaxMetric, NadamMetric, RMSpropMetric, proximal

RATE = 1e-3
OPTIMIZERS = {
    "adam": (optax.adam(RATE), None),
    "adamw": (optax.adamw(RATE, weight_decay=0.0), None),
    "rmsprop": (optax.rmsprop(RATE), None),
    "centered": (optax.rmsprop(RATE, centered=True), None),
    "momentum": (
        optax.rmsprop(RATE, momentum=0.9, bias_correction=True),
        RMSpropMetric(momentum=0.9),
    ),
    "amsgrad": (optax.amsgrad(RATE), None),
    "nadam": (optax.nadam(RATE), NadamMetric()),
    "adamax": (optax.adamax(RATE), AdamaxMetric()),
    "adagrad": (optax.adagrad(RATE, initial_accumulator_value=1e-30), None),
}
TERMS = [1e-2 * L1(), 1e-2 * L2(), 1e-2 * ElasticNet(0.5), 1e-2 * GroupLasso(per="input")]


@pytest.mark.parametrize("term", TERMS, ids=repr)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_without_a_gradient_stay(name, term):
    inner, metric = OPTIMIZERS[name]
    random = np.random.default_rng(0)
    sizes = random.uniform(0.1, 0.5, size=(10, 16))
    start = {"body": {"kernel": jnp.asarray(sizes * random.choice([-1, 1], size=sizes.shape))}}
    optimizer = proximal(inner, term, RATE, metric=metric)
    params, state = start, optimizer.init(start)
    before = start["body"]["kernel"]
    for count in (1, 2):
        silent = {"body": {"kernel": jnp.zeros_like(before)}}
        updates, state = optimizer.update(silent, state, params)
        params = optax.apply_updates(params, updates)
        after = params["body"]["kernel"]
        assert after.all()
        assert 0 <= jnp.linalg.norm(after - before) <= 0.05 * count * jnp.linalg.norm(before)
