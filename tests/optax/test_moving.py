"""One step on one array: zeros are exact in the sum, the rest is the prox, 0 changes no bit."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from shrinkage import L1
from shrinkage.optax import moving
from shrinkage.terms import Part, closed_form

RANDOM = np.random.default_rng(3)
SIZES = 10.0 ** RANDOM.uniform(-6, 3, size=1000)
W = jnp.asarray(RANDOM.normal(size=1000) * SIZES, jnp.float32)
U = jnp.asarray(RANDOM.normal(size=1000) * RANDOM.permutation(SIZES), jnp.float32)


@pytest.mark.parametrize("compiled", [True, False])
def test_the_sum_is_the_prox_and_its_zeros_are_exact(compiled):
    def step(w, update):
        return moving.shrunk(w, update, closed_form([Part(1.0, L1())]), 0.5)

    ends = optax.apply_updates(W, (jax.jit(step) if compiled else step)(W, U))
    target = np.asarray(L1().prox(W + U, 0.5))
    assert 300 < np.count_nonzero(target == 0) < 900
    np.testing.assert_array_equal(np.asarray(ends)[target == 0].view(np.int32), 0)
    largest = np.maximum(np.abs(W), np.abs(target))
    assert (np.abs(np.asarray(ends) - target) <= 2 * np.finfo(np.float32).eps * largest).all()


def test_where_the_step_is_zero_the_update_comes_back_bit_for_bit():
    steps = jnp.where(jnp.arange(1000) % 2 == 0, 0.0, 0.5)
    got = np.asarray(moving.shrunk(W, U, closed_form([Part(1.0, L1())]), steps))
    np.testing.assert_array_equal(got[::2].view(np.int32), np.asarray(U)[::2].view(np.int32))
    assert (got[1::2] != np.asarray(U)[1::2]).any()
