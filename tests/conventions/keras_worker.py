"""Runs in a process of its own: Keras reads its backend when it is imported. JSON in, JSON out."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np

keras.config.set_floatx("float64")
keras.config.disable_interactive_logging()


def regularizer(run: dict[str, Any]) -> Any:
    """Return the layer's penalty, None where the optimizer decays."""
    name, number = run["convention"], run["number"]
    if name == "keras.l1_l2":
        return keras.regularizers.L1L2(*number)
    kinds = {"keras.l1": keras.regularizers.L1, "keras.l2": keras.regularizers.L2}
    return kinds[name](number) if name in kinds else None


def optimizer(run: dict[str, Any]) -> Any:
    """Return the optimizer, with its weight decay where the convention is that."""
    kinds = {
        "keras.adam.weight_decay": keras.optimizers.Adam,
        "keras.adamw.weight_decay": keras.optimizers.AdamW,
        "keras.muon.weight_decay": keras.optimizers.Muon,
    }
    kind = kinds.get(run["convention"], keras.optimizers.SGD)
    options: dict[str, Any] = {"epsilon": run["epsilon"]} if run["convention"] in kinds else {}
    options |= {"momentum": run["momentum"]} if "momentum" in run else {}
    options |= {"nesterov": run.get("nesterov", False)} if kind is keras.optimizers.Muon else {}
    if run["convention"].endswith("weight_decay"):
        options["weight_decay"] = run["number"]
    return kind(learning_rate=run["learning_rate"], **options)


def loss(run: dict[str, Any]) -> Any:
    """Return the data loss; the squared one by Keras' own name."""
    if run["loss"] == "logistic":
        return keras.losses.BinaryCrossentropy(from_logits=True)
    if run["loss"] == "squared":
        return "mse"
    return lambda y, f: keras.ops.mean(keras.ops.square(y - f)) / 2


def trained(run: dict[str, Any]) -> list[float]:
    """Train a layer as users do, and return its weights."""
    start = np.array(run["start"])
    matrix = start.reshape(len(start), -1)
    layer = keras.layers.Dense(matrix.shape[1], use_bias=False, kernel_regularizer=regularizer(run))
    model = keras.Sequential([keras.Input((len(start),)), layer])
    layer.set_weights([matrix])
    model.compile(optimizer=optimizer(run), loss=loss(run))
    X, y = np.array(run["X"]), np.array(run["y"]).reshape(-1, matrix.shape[1])
    for _ in range(run["steps"]):
        model.train_on_batch(X, y)
    return layer.get_weights()[0].reshape(start.shape).tolist()


if __name__ == "__main__":
    json.dump([trained(run) for run in json.load(sys.stdin)], sys.stdout)
