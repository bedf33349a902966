"""The run in JAX, with the transformations of `shrinkage.optax`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from shrinkage import Terms
from shrinkage.optax import AdamMetric, SGDMetric, decoupled, gradient, penalty_loss, proximal
from tests.parity.frameworks.problem import (
    LABELS,
    LAYERS,
    ORDER,
    START,
    Networks,
    X,
    all_terms,
)
from tests.parity.frameworks.registry import BETAS, OPTIMIZERS, Setting


def _inner(setting: Setting) -> Any:
    if setting.momentum is None:
        return optax.adam(setting.rate, *BETAS, eps=setting.epsilon)
    return optax.sgd(setting.rate, setting.momentum)


def _optimizer(setting: Setting, update: str, terms: Terms) -> Any:
    inner = _inner(setting)
    if update == "proximal":
        of_adam = AdamMetric(b2=BETAS[1], eps=setting.epsilon)
        metric = of_adam if setting.momentum is None else SGDMetric(setting.momentum)
        return proximal(inner, terms, setting.rate, metric=metric)
    if update == "decoupled":
        return optax.chain(inner, decoupled(terms, setting.rate))
    return optax.chain(gradient(terms), inner) if update == "gradient" else inner


def _data_loss(params: Any, batch: Any) -> Any:
    x, y = jnp.asarray(X)[batch], jnp.asarray(LABELS)[batch]
    total = jnp.zeros(())
    for made in params.values():
        hidden = jnp.tanh(x @ made["first"]["kernel"] + made["first"]["bias"])
        outputs = hidden @ made["second"]["kernel"] + made["second"]["bias"]
        total += optax.softmax_cross_entropy_with_integer_labels(outputs, y).mean()
    return total


def train(optimizer: str, update: str, sums: Sequence[str]) -> Networks:
    """Return the weights of every copy of the network."""
    network = {
        place: {"kernel": jnp.asarray(w.T), "bias": jnp.zeros(len(w))} for place, w in START.items()
    }
    params = dict.fromkeys(sums, network)
    terms = all_terms(sums, lambda name, place: f"{name}.{place}.kernel", transposed=True)
    steps = _optimizer(OPTIMIZERS[optimizer], update, terms)

    def loss(params: Any, batch: Any) -> Any:
        data = _data_loss(params, batch)
        return data + penalty_loss(params, terms) if update == "loss" else data

    def step(carried: Any, batch: Any) -> tuple[Any, None]:
        params, state = carried
        updates, state = steps.update(jax.grad(loss)(params, batch), state, params)
        return (optax.apply_updates(params, updates), state), None

    run = jax.jit(lambda carried: jax.lax.scan(step, carried, jnp.asarray(ORDER))[0])
    params, _ = run((params, steps.init(params)))
    return {
        name: {place: np.asarray(params[name][place]["kernel"]).T for place in LAYERS}
        for name in sums
    }
