"""The derivative of `penalty_loss` is the least-norm subgradient, forward and reverse, twice."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shrinkage import L1, L2, ElasticNet, GroupLasso, Terms
from shrinkage.optax import penalty_loss

KERNEL = jnp.asarray(np.random.default_rng(4).normal(size=(4, 3)), jnp.float32).at[1].set(0.0)
PARAMS = {"kernel": KERNEL}
DIRECTION = {"kernel": jnp.ones_like(KERNEL).at[0, 0].set(-3.0)}
SUMS: dict[str, Terms] = {
    "l1": Terms((0.3 * L1(),)),
    "l2": Terms((0.7 * L2(),)),
    "elastic-net": Terms((0.2 * ElasticNet(0.4),)),
    "group": Terms((0.5 * GroupLasso(per="input"),)),
    "all": 0.3 * L1() + 0.7 * L2() + 0.5 * GroupLasso(per="input"),
}


def loss(terms: Terms) -> Any:
    return lambda params: penalty_loss(params, terms)


def flat_hessian(terms: Terms, make: Any) -> np.ndarray:
    ours = make(loss(terms))(PARAMS)["kernel"]["kernel"]
    return np.asarray(ours).reshape(KERNEL.size, KERNEL.size)


@pytest.mark.slow
@pytest.mark.parametrize("name", SUMS)
def test_both_modes_are_the_least_norm_subgradient(name):
    terms = SUMS[name]
    expected = sum(term.strength * term.penalty.with_axes(0, 1).gradient(KERNEL) for term in terms)
    assert not np.asarray(expected)[1].any()
    for derivative in (jax.grad, jax.jacfwd, jax.jacrev):
        np.testing.assert_allclose(derivative(loss(terms))(PARAMS)["kernel"], expected, rtol=1e-6)
    value, slope = jax.jvp(loss(terms), (PARAMS,), (DIRECTION,))
    np.testing.assert_allclose(value, penalty_loss(PARAMS, terms), rtol=1e-6)
    np.testing.assert_allclose(slope, (expected * DIRECTION["kernel"]).sum(), rtol=1e-5)


TWICE = {
    "hessian": jax.hessian,
    "forward-forward": lambda f: jax.jacfwd(jax.jacfwd(f)),
    "reverse-reverse": lambda f: jax.jacrev(jax.jacrev(f)),
    "reverse-forward": lambda f: jax.jacrev(jax.jacfwd(f)),
}


@pytest.mark.parametrize("twice", TWICE)
def test_second_derivatives(twice):
    make = TWICE[twice]
    np.testing.assert_allclose(flat_hessian(SUMS["l2"], make), 0.7 * np.eye(KERNEL.size), rtol=1e-6)
    np.testing.assert_array_equal(flat_hessian(SUMS["l1"], make), 0.0)


@pytest.mark.parametrize("twice", ["hessian", "forward-forward"])
def test_second_derivatives_of_groups_some_of_them_zero(twice):
    ours = flat_hessian(SUMS["group"], TWICE[twice])
    assert np.isfinite(ours).all()
    for row in (0, 2, 3):
        inside = slice(3 * row, 3 * row + 3)
        w = np.asarray(KERNEL[row], np.float64)
        length = np.linalg.norm(w)
        expected = 0.5 * np.sqrt(3) * (np.eye(3) / length - np.outer(w, w) / length**3)
        np.testing.assert_allclose(ours[inside, inside], expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("derivative", [jax.grad, jax.jacfwd])
def test_a_zero_network_has_no_slope(derivative):
    zero = {"kernel": jnp.zeros((3, 2))}
    slopes = derivative(loss(SUMS["all"]))(zero)["kernel"]
    np.testing.assert_array_equal(slopes, 0.0)


def test_half_precision_keeps_its_dtype():
    params = {"kernel": KERNEL.astype(jnp.bfloat16)}
    slopes = jax.grad(loss(SUMS["all"]))(params)["kernel"]
    assert slopes.dtype == jnp.bfloat16
    assert jnp.isfinite(jax.jvp(loss(SUMS["all"]), (params,), (params,))[1])
    ones = {"kernel": jnp.ones((300, 300), jnp.float16)}
    assert float(penalty_loss(ones, 1e-3 * L1())) == pytest.approx(90)
