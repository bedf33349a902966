"""The transformations beside those of optax: chain, masked, partition, MultiSteps, injection."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from shrinkage import L1, L2, ElasticNet, GroupLasso, Terms
from shrinkage.errors import UnmatchedPattern
from shrinkage.optax import AdamMetric, SGDMetric, decoupled, gradient, proximal
from tests.selecting import in_pairs

pytestmark = pytest.mark.slow  # compiling and importing, four seconds a test or more

X = np.random.default_rng(1).normal(size=(32, 5)).astype(np.float32)
Y = (X[:, :1] - 2 * X[:, 1:2]).astype(np.float32)
TERMS = 0.03 * L1() + 0.01 * GroupLasso(per="input") + 0.01 * L2()


def start() -> dict[str, Any]:
    random = np.random.default_rng(2)
    return {
        "a": {"kernel": jnp.asarray(random.normal(size=(5, 4)), jnp.float32), "bias": jnp.zeros(4)},
        "b": {"kernel": jnp.asarray(random.normal(size=(4, 1)), jnp.float32), "bias": jnp.zeros(1)},
    }


def loss(params: Any, x: Any, y: Any) -> Any:
    hidden = jnp.tanh(x @ params["a"]["kernel"] + params["a"]["bias"])
    return 0.5 * jnp.square(hidden @ params["b"]["kernel"] + params["b"]["bias"] - y).mean()


compiled_slope = jax.jit(jax.grad(loss))


def slope(params: Any, rows: slice = slice(None)) -> Any:
    return compiled_slope(params, X[rows], Y[rows])


def trained(optimizer: Any, steps: int = 60, compiled: bool = True, rows: Any = None) -> Any:
    rows = rows or (lambda _: slice(None))
    params = start()
    state = optimizer.init(params)
    change = jax.jit(optimizer.update) if compiled else optimizer.update
    for step in range(steps):
        updates, state = change(slope(params, rows(step)), state, params)
        params = optax.apply_updates(params, updates)
    return params


def zeros(params: Any) -> int:
    return sum(int((np.asarray(leaf) == 0).sum()) for leaf in jax.tree.leaves(params))


def assert_same(ours: Any, theirs: Any, atol: float = 0.0) -> None:
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for one, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=atol)
        np.testing.assert_array_equal(one == 0, other == 0)


def bits(params: Any) -> list[bytes]:
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(params)]


INNER = {
    "sgd": (optax.sgd(0.1), 0.1, None),
    "momentum": (optax.sgd(0.05, momentum=0.9), 0.05, SGDMetric(momentum=0.9)),
    "adam": (optax.adam(0.03), 0.03, None),
    "rmsprop": (optax.rmsprop(0.01), 0.01, None),
    "adagrad": (optax.adagrad(0.1), 0.1, None),
}


@pytest.mark.parametrize("name", in_pairs(INNER, ("momentum", "adam").__contains__))
@pytest.mark.slow
def test_compiled_is_eager(name):
    inner, rate, metric = INNER[name]
    optimizer = proximal(inner, TERMS, rate, metric=metric)
    compiled = trained(optimizer, 20)
    assert_same(compiled, trained(optimizer, 20, compiled=False), atol=1e-5)


@pytest.mark.parametrize("name", INNER)
@pytest.mark.parametrize("compiled", [True, False])
def test_strength_zero_is_the_plain_run_bit_for_bit(name, compiled):
    terms = sum((0.0 * one for one in (L1(), L2(), ElasticNet(), GroupLasso())), Terms(()))
    inner, rate, metric = INNER[name]
    plain = bits(trained(inner, 10, compiled))
    for ours in (
        proximal(inner, terms, rate, metric=metric),
        optax.chain(inner, decoupled(terms, rate)),
        optax.chain(gradient(terms), inner),
    ):
        assert bits(trained(ours, 10, compiled)) == plain


def test_a_weight_whose_step_is_zero_keeps_its_update_bit_for_bit():
    """The rate of a schedule may be 0 for a while."""
    schedule = optax.piecewise_constant_schedule(0.0, {})
    ours = proximal(optax.sgd(schedule), TERMS, schedule)
    assert bits(trained(ours, 3)) == bits(start())


def test_zeros_are_exact_in_the_weights():
    params = trained(proximal(optax.adam(0.03), 0.1 * L1(), 0.03), 200)
    assert 8 < zeros(params) < 24
    values = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])
    assert np.abs(values[values != 0]).min() > 1e-6
    assert not np.signbit(values[values == 0]).any()


@pytest.mark.slow
def test_a_chain_around_it_clips_first():
    clip = optax.clip_by_global_norm(0.05)
    ours = optax.chain(clip, proximal(optax.sgd(0.1), TERMS, 0.1))
    plain = proximal(optax.sgd(0.1), TERMS, 0.1)
    params = start()
    gradients = slope(params)
    clipped, _ = clip.update(gradients, clip.init(params))
    assert float(optax.tree.norm(gradients)) > 0.05
    assert_same(
        ours.update(gradients, ours.init(params), params)[0],
        plain.update(clipped, plain.init(params), params)[0],
        atol=1e-7,
    )


def test_masked_touches_what_the_mask_lets_through():
    mask = {"a": True, "b": False}
    ours = optax.masked(proximal(optax.sgd(0.1), 0.2 * L1(), 0.1), mask)
    params = start()
    updates, _ = ours.update(slope(params), ours.init(params), params)
    together = proximal(optax.sgd(0.1), 0.2 * L1(), 0.1)
    expected, _ = together.update(slope(params), together.init(params), params)
    assert_same(updates["a"], expected["a"])
    assert_same(updates["b"], slope(params)["b"])


def test_partition_gives_each_part_its_own():
    labels = {"a": "adam", "b": "sgd"}
    ours = optax.partition(
        {
            "adam": proximal(optax.adam(0.03), 0.1 * L1(), 0.03),
            "sgd": proximal(optax.sgd(0.1), 0.02 * L1(), 0.1),
        },
        labels,
    )
    params = start()
    updates, _ = jax.jit(ours.update)(slope(params), ours.init(params), params)
    for part, (inner, strength, rate) in {
        "a": (optax.adam(0.03), 0.1, 0.03),
        "b": (optax.sgd(0.1), 0.02, 0.1),
    }.items():
        together = proximal(inner, strength * L1(), rate)
        expected, _ = together.update(slope(params), together.init(params), params)
        assert_same(updates[part], expected[part], atol=1e-7)


EMPTY = {
    "proximal": lambda terms: proximal(optax.sgd(0.2), terms, 0.2),
    "decoupled": lambda terms: optax.chain(optax.sgd(0.2), decoupled(terms, 0.2)),
    "gradient": lambda terms: optax.chain(gradient(terms), optax.sgd(0.2)),
}


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("terms", [TERMS, (0.1 * L1()).on("head.*")])
def test_a_label_without_parameters_does_nothing(name, terms):
    params, plain = start(), optax.sgd(0.1)
    gradients = slope(params)
    made = {"used": plain, "unused": EMPTY[name](terms)}
    ours = optax.partition(made, {"a": "used", "b": "used"})
    updates, _ = jax.jit(ours.update)(gradients, ours.init(params), params)
    assert_same(updates, plain.update(gradients, plain.init(params), params)[0])


@pytest.mark.parametrize("name", EMPTY)
def test_a_mask_that_lets_nothing_through_does_nothing(name):
    params = start()
    gradients = slope(params)
    ours = optax.masked(EMPTY[name](TERMS), {"a": False, "b": False})
    assert_same(ours.update(gradients, ours.init(params), params)[0], gradients)


def test_a_part_that_has_parameters_must_match_the_pattern():
    ours = optax.masked(EMPTY["proximal"]((0.1 * L1()).on("b.*")), {"a": True, "b": False})
    with pytest.raises(UnmatchedPattern, match=r"named\('b\.\*'\) to select a parameter"):
        ours.init(start())


@pytest.mark.parametrize("name", INNER)
def test_several_small_batches_are_one_step(name):
    inner, rate, metric = INNER[name]
    ours = optax.MultiSteps(proximal(inner, TERMS, rate, metric=metric), every_k_schedule=4)
    halves = trained(ours, 40, rows=lambda step: slice(8 * (step % 4), 8 * (step % 4) + 8))
    together = trained(proximal(inner, TERMS, rate, metric=metric), 10)
    assert_same(halves, together, atol=1e-4)


def test_apply_if_finite_skips_the_shrink_of_a_step_that_it_skips():
    ours = optax.apply_if_finite(proximal(optax.adam(0.03), TERMS, 0.03), 5)
    params = start()
    broken = jax.tree.map(lambda leaf: leaf * jnp.nan, params)
    updates, _ = ours.update(broken, ours.init(params), params)
    assert bits(optax.apply_updates(params, updates)) == bits(params)


@pytest.mark.parametrize("momentum", [None, 0.9])
def test_a_schedule_is_followed(momentum):
    schedule = optax.linear_schedule(0.1, 0.0, 30)
    metric = SGDMetric(momentum=momentum)
    ours = trained(proximal(optax.sgd(schedule, momentum), TERMS, schedule, metric=metric), 30)
    params, buffer, trace = start(), 0.0, jax.tree.map(jnp.zeros_like, start())
    for step in range(30):
        rate = float(schedule(step))
        buffer = (momentum or 0.0) * buffer + 1
        one = proximal(optax.sgd(rate * buffer), TERMS, rate * buffer)
        trace = jax.tree.map(lambda t, g: (momentum or 0.0) * t + g, trace, slope(params))
        scaled = jax.tree.map(lambda t, b=buffer: t / b, trace)
        updates, _ = one.update(scaled, one.init(params), params)
        params = optax.apply_updates(params, updates)
    assert_same(ours, params, atol=1e-4)


@pytest.mark.slow
@pytest.mark.slow
def test_an_injected_learning_rate_is_read_and_may_be_set():
    with jax.enable_x64(True):  # injected numbers have the dtype of the weights
        ours = proximal(optax.inject_hyperparams(optax.adam)(0.03, eps=1e-4), TERMS)
        params = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), start())
        state = ours.init(params)
        state.inner_state.hyperparams["learning_rate"] = jnp.asarray(0.06)
        updates, _ = jax.jit(ours.update)(slope(params), state, params)
        twice = proximal(optax.adam(0.06, eps=1e-4), TERMS, 0.06, metric=AdamMetric(eps=1e-4))
        expected, _ = twice.update(slope(params), twice.init(params), params)
        assert_same(updates, expected, atol=1e-12)


def test_proximal_itself_can_be_made_by_injection():
    made = optax.inject_hyperparams(
        lambda learning_rate: proximal(optax.adam(learning_rate), TERMS, learning_rate)
    )(learning_rate=0.03)
    assert_same(trained(made, 10), trained(proximal(optax.adam(0.03), TERMS, 0.03), 10), atol=1e-6)


def test_each_term_may_have_its_own_update():
    mixed = Terms((0.02 * L1(), (0.1 * L2()).with_update("decoupled")))
    first = trained(proximal(optax.adam(0.03), mixed, 0.03), 1)
    params = start()
    adam = optax.adam(0.03)
    updates, _ = adam.update(slope(params), adam.init(params), params)
    inner = optax.chain(adam, decoupled(0.1 * L2(), 0.03))
    moved = optax.apply_updates(params, inner.update(slope(params), inner.init(params), params)[0])
    square = jax.tree.map(lambda g: jnp.abs(g) + 1e-8, slope(params))
    for place in params:
        before = moved[place]["kernel"]
        expected = L1().prox(before, 0.02 * 0.03 / square[place]["kernel"])
        expected = jnp.clip(expected, before - 2 * 0.03, before + 2 * 0.03)
        np.testing.assert_allclose(first[place]["kernel"], expected, rtol=0, atol=1e-5)
    decay = 0.03 * 0.1 * params["a"]["kernel"]
    np.testing.assert_allclose(
        moved["a"]["kernel"], params["a"]["kernel"] + updates["a"]["kernel"] - decay, atol=1e-6
    )


@pytest.mark.slow
def test_half_precision_weights_get_zeros_and_keep_their_dtype():
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), start())
    optimizer = proximal(optax.adam(0.03), 0.5 * L1(), 0.03)
    state, change = optimizer.init(params), jax.jit(optimizer.update)
    for _ in range(30):
        updates, state = change(slope(params), state, params)
        params = optax.apply_updates(params, updates)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.bfloat16.dtype}
    assert zeros(params) > 5
