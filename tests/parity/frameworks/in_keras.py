"""The run in Keras on the backend of this process, by `fit`.

Keras is imported when the run begins: its backend belongs to the process, and pytest reads this
file in its own, looking for doctests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.parity.frameworks.problem import (
    BATCH,
    LABELS,
    LAYERS,
    ORDER,
    SIZES,
    START,
    Networks,
    X,
    all_terms,
)
from tests.parity.frameworks.registry import BETAS, OPTIMIZERS, SUMS, Setting


def _use_float64() -> None:
    """Let Keras compute in float64 on JAX and torch, too.

    Its table of dtypes makes float32 of every float64 result there, whatever floatx is.
    """
    import keras
    from keras.src.backend.common import dtypes

    keras.utils.clear_session()
    keras.config.set_floatx("float64")
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"


def _optimizer(setting: Setting) -> Any:
    import keras

    if setting.momentum is None:
        return keras.optimizers.Adam(setting.rate, *BETAS, epsilon=setting.epsilon)
    return keras.optimizers.SGD(setting.rate, momentum=setting.momentum)


def _model(sums: Sequence[str], update: str) -> Any:
    import keras

    from shrinkage.keras import regularizer

    inputs = keras.Input(SIZES[:1])
    outputs = []
    for name in sums:
        own = regularizer(SUMS[name]) if update == "loss" else None
        shared = {"kernel_regularizer": own, "dtype": "float64"}
        first = keras.layers.Dense(SIZES[1], "tanh", name=f"{name}_first", **shared)
        second = keras.layers.Dense(SIZES[2], name=f"{name}_second", **shared)
        outputs.append(second(first(inputs)))
        for place, layer in zip(LAYERS, (first, second), strict=True):
            layer.set_weights([START[place].T, np.zeros(len(START[place]))])
    return keras.Model(inputs, keras.ops.stack(outputs, axis=1))


def train(optimizer: str, update: str, sums: Sequence[str]) -> Networks:
    """Return the weights of every copy of the network."""
    import keras

    from shrinkage.keras import regularize

    _use_float64()
    model = _model(sums, update)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    compiled = keras.backend.backend() == "jax"  # where nothing else compiles the steps
    model.compile(
        optimizer=_optimizer(OPTIMIZERS[optimizer]),
        loss=loss,
        loss_weights=1 / BATCH,  # the sum over the networks of the means over rows
        jit_compile=compiled,
    )
    if update != "loss":
        terms = all_terms(sums, lambda name, place: f"{name}_{place}.kernel", transposed=True)
        regularize(model, terms, update)
    order = ORDER.ravel()
    y = np.repeat(LABELS[order][:, None], len(sums), axis=1)
    model.fit(X[order], y, batch_size=BATCH, epochs=1, shuffle=False, verbose=0)
    return {
        name: {
            place: np.asarray(model.get_layer(f"{name}_{place}").get_weights()[0]).T
            for place in LAYERS
        }
        for name in sums
    }
