"""Strengths that JAX traces: `vmap` over them is a path, `inject_hyperparams` sets them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from shrinkage import L1, L2, ElasticNet, GroupLasso
from shrinkage.errors import InputError
from shrinkage.optax import SGDMetric, decoupled, gradient, penalty_loss, proximal, table
from tests.builders.convex import assert_same_optimum, elastic_net, regression
from tests.optax.small_networks import train

STRENGTHS = (0.0, 0.1, 0.3)
RANDOM = np.random.default_rng(3)
X, Y = RANDOM.normal(size=(30, 6)), RANDOM.normal(size=(30, 3))
PARAMS = {"linear": {"kernel": jnp.asarray(RANDOM.normal(size=(6, 3))), "bias": jnp.zeros(3)}}


def loss(params: Any) -> Any:
    out = X @ params["linear"]["kernel"] + params["linear"]["bias"]
    return 0.5 * jnp.square(out - Y).sum(1).mean()


def _transformations(strength: Any) -> dict[str, Any]:
    l1, rate = strength * L1(), 0.1
    return {
        "l1": proximal(optax.sgd(rate), l1, rate),
        "adam": proximal(optax.adam(rate), l1 + strength * L2(), rate),
        "momentum": proximal(
            optax.sgd(rate, 0.5), strength * ElasticNet(0.5), rate, metric=SGDMetric(momentum=0.5)
        ),
        "groups": proximal(optax.adam(rate), strength * GroupLasso("input"), rate),
        "sum": proximal(optax.sgd(rate), l1 + strength * GroupLasso("input"), rate),
        "decoupled": optax.chain(optax.adam(rate), decoupled(l1 + strength * L2(), rate)),
        "gradient": optax.chain(gradient(strength * L2()), optax.adam(rate)),
    }


@pytest.mark.parametrize("name", _transformations(0.0))
def test_a_vmap_over_strengths_is_the_runs_one_by_one(name):
    def run(strength: Any) -> Any:
        return train(_transformations(strength)[name], PARAMS, loss, steps=40)["linear"]["kernel"]

    path = np.asarray(jax.vmap(run)(jnp.asarray(STRENGTHS)))
    for ours, strength in zip(path, STRENGTHS, strict=True):
        alone = np.asarray(run(strength))
        np.testing.assert_allclose(ours, alone, rtol=0, atol=2e-6)
        np.testing.assert_array_equal(ours == 0, alone == 0)
    if name != "gradient":
        assert (path[-1] == 0).sum() > (path[0] == 0).sum() == 0


def test_a_path_of_lassos_is_scikit_learns():
    x, y = regression()
    with jax.enable_x64(True):
        start = {"kernel": jnp.zeros((12, 1))}

        def squares(params: Any) -> Any:
            return 0.5 * jnp.square((x @ params["kernel"])[:, 0] - y).mean()

        def run(strength: Any) -> Any:
            return train(proximal(optax.sgd(0.5), strength * L1(), 0.5), start, squares, 800)

        strengths = [0.05, 0.1, 0.2]
        path = np.asarray(jax.vmap(run)(jnp.asarray(strengths))["kernel"])[..., 0]
    for ours, strength in zip(path, strengths, strict=True):
        assert_same_optimum(ours, elastic_net(strength, fit_intercept=False).fit(x, y).coef_)


def test_a_strength_is_set_in_the_state_and_follows_a_schedule():
    def made(strength: Any) -> Any:
        return proximal(optax.sgd(0.5), strength * L1(), 0.5)

    optimizer = optax.inject_hyperparams(made)(strength=0.0)
    update = jax.jit(optimizer.update)
    params = {"kernel": jnp.array([[0.4, 2.0]])}
    nothing = jax.tree.map(jnp.zeros_like, params)
    updates, state = update(nothing, optimizer.init(params), params)
    assert not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(updates))
    state.hyperparams["strength"] = jnp.asarray(1.0)
    updates, state = update(nothing, state, params)
    assert optax.apply_updates(params, updates)["kernel"].tolist() == [[0.0, 1.5]]

    warming = optax.inject_hyperparams(made)(strength=optax.linear_schedule(0.0, 1.0, 2))
    state, moved = warming.init(params), []
    for _ in range(3):
        updates, state = warming.update(nothing, state, params)
        moved.append(float(updates["kernel"][0, 1]))
    assert moved == [0.0, -0.25, -0.5]


def test_the_loss_and_the_table_take_traced_strengths():
    values = jax.vmap(lambda strength: penalty_loss(PARAMS, strength * L1()))(jnp.arange(3.0))
    np.testing.assert_allclose(values, np.arange(3) * np.abs(PARAMS["linear"]["kernel"]).sum())
    shown: list[str] = []

    @jax.jit
    def traced(strength: Any) -> Any:
        shown.append(str(table(PARAMS, strength * L1())))
        return strength

    traced(0.5)
    assert "traced * L1()" in shown[0]


@pytest.mark.parametrize("strength", [jnp.ones(2), jnp.asarray(-1.0), jnp.asarray(np.nan)])
def test_arrays_that_are_no_strength(strength):
    with pytest.raises(InputError, match="expected a strength as a finite number"):
        strength * L1()
    assert (jnp.asarray(0.5) * L1()).strength == 0.5
