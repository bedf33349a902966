"""The neutral audit of loops of optax: what a first step of Adam hides is not called absent."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from shrinkage import L2, audit

RATE, STRENGTH = 1e-2, 0.02


def params_and_data() -> tuple[Any, Any, Any]:
    random = np.random.default_rng(0)

    def normal(size: Any, scale: float) -> Any:
        return jnp.array(random.normal(size=size) * scale, jnp.float32)

    x, y = normal((48, 10), 1.0), jnp.array(random.integers(0, 3, 48))
    first = {"kernel": normal((10, 16), 0.3), "bias": normal(16, 0.1)}
    return {"a": first, "b": {"kernel": normal((16, 3), 0.3), "bias": normal(3, 0.1)}}, x, y


def kernels_of(params: Any) -> Any:
    return jax.tree.map(lambda w: w.ndim > 1, params)


def flat(params: Any) -> dict[str, Any]:
    return {f"{k}.{n}": np.asarray(w) for k, layer in params.items() for n, w in layer.items()}


def report_of(*, in_loss: bool, in_chain: bool, told: bool) -> Any:
    params, x, y = params_and_data()

    def step(scale: float) -> tuple[Any, ...]:
        def loss(p: Any) -> Any:
            hidden = jnp.tanh(x @ p["a"]["kernel"] + p["a"]["bias"])
            logits = hidden @ p["b"]["kernel"] + p["b"]["bias"]
            squares = sum(jnp.sum(w**2) / 2 for w in jax.tree.leaves(p) if w.ndim > 1)
            data = optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()
            return data + (scale * STRENGTH * squares if in_loss else 0.0)

        decay = optax.add_decayed_weights(scale * STRENGTH if in_chain else 0.0, kernels_of)
        optimizer = optax.chain(decay, optax.adam(RATE))
        gradients = jax.grad(loss)(params)
        updates, _ = optimizer.update(gradients, optimizer.init(params), params)
        ends = flat(params), flat(optax.apply_updates(params, updates))
        return (*ends, flat(gradients)) if told else ends

    return audit(step, STRENGTH * L2(), learning_rate=RATE)


@pytest.mark.parametrize(
    ("in_loss", "told"), [(True, False), (False, True)], ids=["no gradients", "before the chain"]
)
def test_a_penalty_that_adam_hides_is_not_absent(in_loss: bool, told: bool) -> None:
    report = report_of(in_loss=in_loss, in_chain=not in_loss, told=told)
    assert report.rules == ("cannot-judge",), report


@pytest.mark.parametrize("told", [False, True])
def test_no_penalty_has_no_effect(told: bool) -> None:
    assert report_of(in_loss=False, in_chain=False, told=told).rules == ("no-effect",)


def test_gradients_tell_it() -> None:
    report = report_of(in_loss=True, in_chain=False, told=True)
    assert report.rules == ()
    assert report.update == "gradient"
