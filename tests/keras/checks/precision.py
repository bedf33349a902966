"""Mixed precision: variables stay float32, and a step skipped on overflow shrinks nothing."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from shrinkage import L1, GroupLasso
from shrinkage.keras import regularize
from tests.keras.checks.networks import INPUTS, kernel, regression


def _model(optimizer: Any) -> Any:
    layer = keras.layers.Dense(4, name="out", dtype="mixed_float16")
    model = keras.Sequential([keras.Input((INPUTS,)), layer])
    layer.set_weights([np.linspace(-1, 1, 4 * INPUTS).reshape(INPUTS, 4), np.zeros(4)])
    model.compile(optimizer=optimizer, loss="mse", auto_scale_loss=False)
    return model


def check_a_step_skipped_on_overflow_shrinks_nothing() -> None:
    x, y = regression()
    for inner in (keras.optimizers.SGD(0.002, momentum=0.8), keras.optimizers.Adam(0.01)):
        model = _model(keras.optimizers.LossScaleOptimizer(inner, initial_scale=2.0**30))
        attachment = regularize(model, 5.0 * L1())
        start = kernel(model)
        model.train_on_batch(x, y)
        assert attachment.steps == 0
        assert kernel(model).tobytes() == start.tobytes()
        for _ in range(40):
            model.train_on_batch(x, y)
        assert 0 < attachment.steps < 40
        assert model.get_layer("out").kernel.dtype == "float32"
        assert attachment.zeros()["out.kernel"] > 10


def check_mixed_precision_without_scaling_makes_exact_zeros() -> None:
    x, y = regression()
    for policy in ("mixed_float16", "mixed_bfloat16"):
        layer = keras.layers.Dense(4, name="out", dtype=policy)
        model = keras.Sequential([keras.Input((INPUTS,)), layer])
        layer.set_weights([np.linspace(-1, 1, 4 * INPUTS).reshape(INPUTS, 4), np.zeros(4)])
        model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse", auto_scale_loss=True)
        attachment = regularize(model, 0.1 * L1())
        model.fit(np.tile(x, (8, 1)), np.tile(y, (8, 1)), epochs=6, verbose=0)
        assert layer.kernel.dtype == "float32"
        assert 0 < attachment.zeros()["out.kernel"] < 32


def check_half_precision_variables_keep_their_dtype() -> None:
    x, y = regression("float16")
    layer = keras.layers.Dense(4, name="out", dtype="float16")
    model = keras.Sequential([keras.Input((INPUTS,), dtype="float16"), layer])
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse", auto_scale_loss=False)
    attachment = regularize(model, 1000.0 * GroupLasso(per="output"))
    model.train_on_batch(x, y)
    assert layer.kernel.dtype == "float16"
    assert attachment.zeros() == {"out.kernel": 32}
