"""What a refusal of `proximal` advises works: followed for every optimizer that it refuses."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from shrinkage import L1, L2
from shrinkage.errors import UnsupportedOptimizer
from shrinkage.optax import (
    AdamaxMetric,
    NadamMetric,
    RadamMetric,
    SGDMetric,
    decoupled,
    gradient,
    penalty_loss,
    proximal,
)
from tests.optax.small_networks import train

RATE = 0.05
REFUSED: dict[str, Any] = {
    "adabelief": optax.adabelief(RATE),
    "adadelta": optax.adadelta(RATE),
    "adafactor": optax.adafactor(RATE),
    "adamax": optax.adamax(RATE),
    "adan": optax.adan(RATE),
    "lamb": optax.lamb(RATE),
    "lars": optax.lars(RATE),
    "lion": optax.lion(RATE / 10),
    "muon": optax.contrib.muon(RATE),
    "nadam": optax.nadam(RATE),
    "novograd": optax.novograd(RATE),
    "radam": optax.radam(RATE),
    "rprop": optax.rprop(RATE),
    "yogi": optax.yogi(RATE),
}
METRICS = {"lars": SGDMetric(momentum=0.9)}  # what its state asks for, to no avail
PARAMS = {"linear": {"kernel": jnp.asarray(np.random.default_rng(0).normal(size=(5, 3)))}}


def loss(params: Any) -> Any:
    return 0.5 * jnp.square(params["linear"]["kernel"]).sum() + params["linear"]["kernel"].sum()


@pytest.mark.parametrize("name", REFUSED)
def test_the_other_updates_work_where_proximal_does_not(name):
    optimizer = REFUSED[name]
    with pytest.raises(UnsupportedOptimizer):
        proximal(optimizer, 0.1 * L1(), RATE, metric=METRICS.get(name)).init(PARAMS)
    plain = train(optimizer, PARAMS, loss, steps=3)["linear"]["kernel"]
    shrunk = train(optax.chain(optimizer, decoupled(50.0 * L1(), RATE)), PARAMS, loss, steps=3)
    assert not np.asarray(shrunk["linear"]["kernel"]).any()
    pushed = train(optax.chain(gradient(5.0 * L2()), optimizer), PARAMS, loss, steps=3)
    assert not jax.numpy.array_equal(pushed["linear"]["kernel"], plain)


def test_a_metric_that_fits_is_named():
    for inner, metric in (
        (optax.nadam(RATE), NadamMetric()),
        (optax.radam(RATE), RadamMetric()),
        (optax.adamax(RATE), AdamaxMetric()),
        (optax.nadamw(RATE, weight_decay=0.0, b1=0.8, eps=1e-6), NadamMetric(eps=1e-6, b1=0.8)),
    ):
        is_default = metric == type(metric)()
        with pytest.raises(UnsupportedOptimizer) as caught:
            proximal(inner, 0.1 * L1(), RATE).init(PARAMS)
        assert (f"give metric={metric}" in str(caught.value)) == is_default
        proximal(inner, 0.1 * L1(), RATE, metric=metric).init(PARAMS)
        with pytest.raises(UnsupportedOptimizer):
            proximal(inner, 0.1 * L1(), 2 * RATE, metric=metric).init(PARAMS)


def test_gradient_terms_come_before_a_schedule_free_optimizer():
    inner = optax.contrib.schedule_free_sgd(RATE)
    with pytest.raises(UnsupportedOptimizer):
        proximal(inner, 0.1 * L1(), RATE).init(PARAMS)
    weak, strong = (
        train(optax.chain(gradient(strength * L2()), inner), PARAMS, loss, steps=20)
        for strength in (0.0, 5.0)
    )
    norms = [float(jnp.abs(params["linear"]["kernel"]).sum()) for params in (weak, strong)]
    assert norms[1] < norms[0] / 2


def test_a_line_search_sees_the_penalty_in_the_loss():
    inner, terms = optax.lbfgs(), 0.5 * L2()
    with pytest.raises(UnsupportedOptimizer, match=r"minimize loss\(params\) \+ penalty_loss"):
        proximal(inner, terms, RATE).init(PARAMS)

    def whole(params: Any) -> Any:
        return loss(params) + penalty_loss(params, terms)

    @jax.jit
    def stepped(params: Any, state: Any) -> tuple[Any, Any]:
        value, slope = jax.value_and_grad(whole)(params)
        step, state = inner.update(slope, state, params, value=value, grad=slope, value_fn=whole)
        return optax.apply_updates(params, step), state

    params, state = PARAMS, inner.init(PARAMS)
    for _ in range(20):
        params, state = stepped(params, state)
    # (w² + 2 w + w²/2)/2 is least at w = -2/3.
    np.testing.assert_allclose(params["linear"]["kernel"], -2 / 3, rtol=1e-5)
