"""Every penalised parameter is tried, at little cost, to what its optimizer's dtype can hold."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import optax
import pytest

from shrinkage import L1, L2
from shrinkage.errors import UnsupportedOptimizer
from shrinkage.optax import SGDMetric, gradient, proximal
from shrinkage.optax.stand_ins import stand_ins_for

TERMS = 0.1 * L1()
MANY = {f"layer{place:02d}": {"kernel": jnp.ones((4, 4))} for place in range(12)}


def only(name: str) -> Any:
    return {layer: {"kernel": layer == name} for layer in MANY}


@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize("moments", [optax.identity(), optax.scale_by_adam()])
def test_a_factor_of_its_own_is_found_at_any_parameter(name, moments):
    inner = optax.chain(moments, optax.masked(optax.scale(10.0), only(name)), optax.scale(-0.01))
    with pytest.raises(UnsupportedOptimizer, match=rf"to move {name}\.kernel by"):
        proximal(inner, TERMS, 0.01).init(MANY)


def test_a_decay_of_its_own_is_found_at_any_parameter():
    inner = optax.adamw(0.1, weight_decay=0.1, mask=only("layer09"))
    with pytest.warns(
        UserWarning, match=r"decays layer09\.kernel by itself, and the terms have L2"
    ):
        proximal(inner, 0.1 * L2(), 0.1).init(MANY)


def test_a_factor_by_size_is_found():
    def wide(tree: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf.shape[-1] > 100, tree)

    params = {"narrow": {"kernel": jnp.ones((4, 4))}, "wide": {"kernel": jnp.ones((4, 200))}}
    inner = optax.chain(optax.sgd(0.1), optax.masked(optax.scale(10.0), wide))
    with pytest.raises(UnsupportedOptimizer, match=r"to move wide\.kernel by"):
        proximal(inner, TERMS, 0.1).init(params)
    fan_in = optax.stateless(lambda u, _: jax.tree.map(lambda leaf: leaf / len(leaf), u))
    with pytest.raises(UnsupportedOptimizer, match=r"to move kernel by"):
        proximal(optax.chain(fan_in, optax.sgd(0.1)), TERMS, 0.1).init({"kernel": jnp.ones((9, 1))})


LIGHT = {
    "sgd": optax.sgd(0.1),
    "momentum": optax.sgd(optax.cosine_decay_schedule(0.1, 100), momentum=0.9, nesterov=True),
    "adam": optax.adam(0.1),
    "adamw": optax.adamw(0.1, mask=lambda tree: jax.tree.map(lambda leaf: leaf.ndim > 1, tree)),
    "injected": optax.inject_hyperparams(optax.adam)(0.1),
    "rmsprop": optax.rmsprop(0.1, centered=True),
    "adagrad": optax.adagrad(0.1),
    "clipped": optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1)),
}


@pytest.mark.parametrize("name", LIGHT)
def test_large_weights_are_tried_on_small_arrays(name):
    large: Any = {
        "kernel": jax.ShapeDtypeStruct((10**6, 10**6), jnp.float32),
        "conv": jax.ShapeDtypeStruct((3, 3, 10**6, 10**6), jnp.bfloat16),
    }
    tree = stand_ins_for(LIGHT[name], large, large).tree(1.0)
    assert {name: leaf.shape for name, leaf in tree.items()} == {
        "kernel": (4, 1),
        "conv": (4, 1, 1, 1),
    }


def test_init_makes_no_array_of_the_size_of_the_weights():
    large: Any = {"kernel": jax.ShapeDtypeStruct((10**6, 10**6), jnp.float32)}
    proximal(optax.sgd(0.1), TERMS, 0.1).init(large)


COARSE: dict[str, Any] = {
    "adam": (lambda rate: optax.adam(rate, mu_dtype=jnp.bfloat16), None),
    "adamw": (lambda rate: optax.adamw(rate, mu_dtype=jnp.bfloat16, weight_decay=1e-4), None),
    "sgd": (
        lambda rate: optax.sgd(rate, momentum=0.9, accumulator_dtype=jnp.bfloat16),
        SGDMetric(momentum=0.9),
    ),
    "nesterov": (
        lambda rate: optax.sgd(rate, 0.9, nesterov=True, accumulator_dtype=jnp.bfloat16),
        SGDMetric(momentum=0.9, nesterov=True),
    ),
}


@pytest.mark.parametrize("name", COARSE)
def test_moments_in_half_precision_are_judged_by_what_they_can_hold(name):
    make, metric = COARSE[name]
    proximal(make(0.1), TERMS, 0.1, metric=metric).init(MANY)
    with pytest.raises(UnsupportedOptimizer, match="expected the optimizer to move"):
        proximal(make(0.101), TERMS, 0.1, metric=metric).init(MANY)


def test_momentum_in_half_precision_is_judged_too():
    inner = optax.sgd(0.1, momentum=0.9, accumulator_dtype=jnp.bfloat16)
    with pytest.raises(UnsupportedOptimizer, match="expected the optimizer to move"):
        proximal(inner, TERMS, 0.1, metric=SGDMetric(momentum=0.85)).init(MANY)


NOT_TWICE: dict[str, tuple[Any, Any]] = {
    "adamw-and-l1": (optax.adamw(0.1), TERMS),
    "gradient-of-l2-and-l1": (optax.chain(gradient(0.1 * L2()), optax.sgd(0.1)), TERMS),
    "around": (
        optax.adamw(0.1),
        (0.1 * L2()).around({f"{name}.kernel": jnp.ones((4, 4)) for name in MANY}),
    ),
    "elsewhere": (optax.adamw(0.1, mask=only("layer00")), (0.1 * L2()).on("layer11.*") + TERMS),
}


@pytest.mark.parametrize("name", NOT_TWICE)
def test_what_is_no_double_count_brings_no_warning(name):
    inner, terms = NOT_TWICE[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        proximal(inner, terms, 0.1).init(MANY)


@pytest.mark.parametrize(
    ("inner", "terms"),
    [
        (optax.adamw(0.1), 0.1 * L2()),
        (optax.adamw(0.1), TERMS + (0.1 * L2()).with_update("decoupled")),
        (optax.chain(gradient(0.1 * L2()), optax.sgd(0.1)), TERMS + 0.1 * L2()),
    ],
)
def test_squares_that_are_penalised_twice_bring_a_warning(inner, terms):
    words = r"decays layer00\.kernel, .*, … by itself.*drop the L2"
    with pytest.warns(UserWarning, match=words) as warned:
        proximal(inner, terms, 0.1).init(MANY)
    assert [one.filename for one in warned] == [__file__]
