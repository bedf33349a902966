"""A learning rate that the optimizer has not, early or late, is found out by `init`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
import pytest

from shrinkage import L1, L2
from shrinkage.errors import UnsupportedOptimizer
from shrinkage.optax import SGDMetric, proximal

PARAMS = {"layer": {"kernel": jnp.ones((3, 2)), "bias": jnp.ones(2)}}
TERMS = 0.1 * L1()
RATE = 0.05
# None of them moves by a thousandth in its first three steps.
SCHEDULES: dict[str, optax.Schedule] = {
    "cosine": optax.cosine_decay_schedule(RATE, 200),
    "long-cosine": optax.cosine_decay_schedule(RATE, 100_000),
    "steps": optax.piecewise_constant_schedule(RATE, {100: 0.1, 200: 0.1}),
    "one-early-step": optax.piecewise_constant_schedule(RATE, {5: 0.1}),
    "polynomial": optax.polynomial_schedule(RATE, 0.0, 1, 10_000),
    "warmed-up": optax.warmup_cosine_decay_schedule(RATE, RATE, 10, 1000),
    "exponential": optax.exponential_decay(RATE, 10_000, 0.5),
}
OPTIMIZERS: dict[str, Any] = {
    "sgd": (optax.sgd, None),
    "momentum": (lambda rate: optax.sgd(rate, 0.9), SGDMetric(momentum=0.9)),
    "adam": (optax.adam, None),
    "rmsprop": (optax.rmsprop, None),
    "adagrad": (optax.adagrad, None),
    "chain": (
        lambda rate: optax.chain(optax.clip(1.0), optax.scale_by_adam(), _by_schedule(rate)),
        None,
    ),
    "injected": (optax.inject_hyperparams(optax.adam), None),
    "injected-chain": (
        lambda rate: optax.chain(
            optax.inject_hyperparams(optax.scale_by_adam)(eps=1e-8), _by_schedule(rate)
        ),
        None,
    ),
    "masked": (
        lambda rate: optax.chain(
            optax.scale_by_adam(),
            optax.masked(_by_schedule(rate), {"layer": {"kernel": True, "bias": False}}),
        ),
        None,
    ),
}


def _by_schedule(rate: Any) -> optax.GradientTransformation:
    return optax.scale_by_learning_rate(rate)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_one_number_for_a_schedule_and_a_schedule_for_one_number(name, optimizer):
    make, metric = OPTIMIZERS[optimizer]
    schedule = SCHEDULES[name]
    for theirs, ours in ((schedule, RATE), (RATE, schedule)):
        made = proximal(make(theirs), TERMS, ours, metric=metric)
        with pytest.raises(UnsupportedOptimizer, match="one schedule, or one number"):
            made.init(PARAMS)
    proximal(make(schedule), TERMS, schedule, metric=metric).init(PARAMS)
    proximal(make(RATE), TERMS, RATE, metric=metric).init(PARAMS)


def test_another_schedule():
    made = proximal(optax.adam(SCHEDULES["cosine"]), TERMS, SCHEDULES["long-cosine"])
    with pytest.raises(UnsupportedOptimizer, match=r"in step 8,.*one schedule, or one number"):
        made.init(PARAMS)


def test_a_schedule_that_is_a_constant_is_a_number():
    proximal(optax.adam(optax.constant_schedule(RATE)), TERMS, RATE).init(PARAMS)


def test_an_injected_schedule_needs_no_other():
    for schedule in SCHEDULES.values():
        proximal(optax.inject_hyperparams(optax.adam)(schedule), TERMS).init(PARAMS)


def test_every_part_of_a_partition_is_asked():
    late = {
        "adam": proximal(optax.adam(RATE), TERMS, RATE),
        "sgd": proximal(optax.sgd(SCHEDULES["steps"]), TERMS, RATE),
    }
    params = {"a": PARAMS, "b": PARAMS}
    with pytest.raises(UnsupportedOptimizer, match=r"move b\.layer\.kernel by"):
        optax.partition(late, {"a": "adam", "b": "sgd"}).init(params)
    with pytest.raises(UnsupportedOptimizer, match=r"move layer\.kernel by"):
        optax.MultiSteps(late["sgd"], 4).init(PARAMS)


def test_a_schedule_on_some_parameters_only():
    params = {f"layer{place:02d}": {"kernel": jnp.ones((3, 2))} for place in range(12)}
    mask = {name: {"kernel": name == "layer11"} for name in params}
    late = optax.scale_by_schedule(optax.piecewise_constant_schedule(1.0, {50: 10.0}))
    inner = optax.chain(optax.sgd(RATE), optax.masked(late, mask))
    with pytest.raises(UnsupportedOptimizer, match=r"layer11\.kernel by.* in step 102"):
        proximal(inner, TERMS, RATE).init(params)


def test_a_rate_that_nobody_knows_yet_is_not_asked():
    def trained(rate: Any) -> Any:
        schedule = optax.linear_schedule(rate, 0.0, 10)
        optimizer = proximal(optax.sgd(schedule), TERMS, schedule)
        state = optimizer.init(PARAMS)
        return optimizer.update(jax.tree.map(jnp.ones_like, PARAMS), state, PARAMS)[0]

    moved = jax.jit(jax.vmap(trained))(jnp.array([0.1, 0.2]))["layer"]["kernel"]
    assert moved.shape == (2, 3, 2)
    assert float(moved[0, 0, 0]) == pytest.approx(-0.11)


@pytest.mark.parametrize("make", [optax.lion, optax.amsgrad, optax.adam, optax.adafactor])
@pytest.mark.parametrize("name", SCHEDULES)
def test_decoupled_terms_have_the_schedule_of_any_optimizer(make, name):
    terms, schedule = (0.1 * L2()).with_update("decoupled"), SCHEDULES[name]
    for theirs, ours in ((schedule, RATE), (RATE, schedule)):
        with pytest.raises(UnsupportedOptimizer, match="one schedule, or one number"):
            proximal(make(theirs), terms, ours).init(PARAMS)
    proximal(make(schedule), terms, schedule).init(PARAMS)
    proximal(make(RATE), terms, RATE).init(PARAMS)


def test_an_optimizer_that_asks_for_the_loss_is_taken_as_it_is():
    schedule = SCHEDULES["cosine"]
    inner = optax.chain(optax.adam(schedule), optax.contrib.reduce_on_plateau())
    proximal(inner, (0.1 * L2()).with_update("decoupled"), schedule).init(PARAMS)
