"""Runs in a process of its own: JAX has to be told of float64 first. JSON in, JSON out."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ["JAX_ENABLE_X64"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import optax
import optax.contrib


def optimizer(run: dict[str, Any]) -> Any:
    """Return the chain that the convention is about."""
    rate = run["learning_rate"]
    if run["convention"] == "optax.add_decayed_weights":
        return optax.chain(optax.add_decayed_weights(run["number"]), optax.sgd(rate))
    if run["convention"] == "optax.contrib.muon.weight_decay":
        options = {"nesterov": run.get("nesterov", False), "eps": run["epsilon"]}
        return optax.contrib.muon(rate, weight_decay=run["number"], **options)
    return optax.adamw(rate, weight_decay=run["number"], eps=run["epsilon"])


def trained(run: dict[str, Any]) -> list[float]:
    """Train the weights of a linear model and return them."""
    start = jnp.array(run["start"])
    X, y = jnp.array(run["X"]), jnp.array(run["y"]).reshape(len(run["X"]), -1)

    def loss(w: Any) -> Any:
        if run["loss"] == "logistic":
            return optax.sigmoid_binary_cross_entropy(X @ w, y).mean()
        whole = optax.squared_error(X @ w, y).mean()
        return whole if run["loss"] == "squared" else whole / 2

    rule = optimizer(run)
    w = start.reshape(len(start), -1)
    state = rule.init(w)
    for _ in range(run["steps"]):
        moved, state = rule.update(jax.grad(loss)(w), state, w)
        w = optax.apply_updates(w, moved)
    return w.reshape(start.shape).tolist()


if __name__ == "__main__":
    json.dump([trained(run) for run in json.load(sys.stdin)], sys.stdout)
