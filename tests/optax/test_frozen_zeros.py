"""`freeze_zeros`: what a penalty has made zero stays zero; what was zero at the start may move."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from shrinkage import L1, L2
from shrinkage.optax import decoupled, proximal

START = {"w": {"kernel": jnp.array([[0.0, 0.02, 1.0, -1.0]]), "bias": jnp.zeros(4)}}
# The third weight is pulled to zero, and then up again; the first moves from zero at once.
PULLS = [[[-1.0, 0.0, 9.8, 0.0]], *[[[-1.0, 0.0, -3.0, 0.0]]] * 3]
MADE = {
    "proximal": lambda **options: proximal(optax.sgd(0.1), 0.5 * L1(), 0.1, **options),
    "decoupled": lambda **options: optax.chain(
        optax.sgd(0.1), decoupled(0.5 * L1() + 0.1 * L2(), 0.1, **options)
    ),
}


def _run(optimizer: Any) -> list[np.ndarray]:
    params, seen = START, []
    state = optimizer.init(params)
    update = jax.jit(optimizer.update)
    for pull in PULLS:
        gradients = {"w": {"kernel": jnp.asarray(pull), "bias": -jnp.ones(4)}}
        updates, state = update(gradients, state, params)
        params = optax.apply_updates(params, updates)
        seen.append(np.asarray(params["w"]["kernel"])[0])
    assert np.asarray(params["w"]["bias"]).all()
    return seen


@pytest.mark.parametrize("name", MADE)
def test_zeros_stay_zero(name):
    free, frozen = _run(MADE[name]()), _run(MADE[name](freeze_zeros=True))
    np.testing.assert_array_equal(free[0], frozen[0])
    assert list(frozen[0] == 0) == [False, True, True, False]
    assert list(frozen[-1] == 0) == [False, True, True, False]
    assert list(free[-1] == 0) == [False, True, False, False]
