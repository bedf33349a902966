"""Small models and data that the checks share; imported in the process of one backend."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

ROWS, INPUTS = 48, 8
OPTIMIZERS = {
    "SGD": lambda: keras.optimizers.SGD(0.3),
    "momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    "Nesterov": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "Adam": lambda: keras.optimizers.Adam(0.05),
    "amsgrad": lambda: keras.optimizers.Adam(0.04, amsgrad=True, epsilon=1e-3),
    "Nadam": lambda: keras.optimizers.Nadam(0.1, beta_2=0.99),
    "Adamax": lambda: keras.optimizers.Adamax(0.1, beta_2=0.9),
    "AdamW": lambda: keras.optimizers.AdamW(0.05, weight_decay=0.0),
    "RMSprop": lambda: keras.optimizers.RMSprop(0.02, epsilon=1e-3),
    "RMSprop momentum": lambda: keras.optimizers.RMSprop(0.004, momentum=0.8, epsilon=1e-3),
    "centered": lambda: keras.optimizers.RMSprop(0.02, centered=True, epsilon=1e-2),
    "Adagrad": lambda: keras.optimizers.Adagrad(0.5),
}


def regression(dtype: str = "float32") -> tuple[np.ndarray, np.ndarray]:
    """Return rows whose target needs three of eight inputs."""
    random = np.random.default_rng(3)
    x = random.normal(size=(ROWS, INPUTS))
    y = x[:, :3] @ np.array([1.5, -1.0, 0.5]) + 0.1 * random.normal(size=ROWS)
    return x.astype(dtype), y[:, None].astype(dtype)


def half_square(y: Any, f: Any) -> Any:
    """Return half the mean squared error, whose strengths are scikit-learn's alpha."""
    return keras.ops.mean(keras.ops.square(y - f)) / 2


def linear(optimizer: Any, dtype: str = "float32", **options: Any) -> Any:
    """Return one linear layer without bias, from fixed weights."""
    layer = keras.layers.Dense(1, use_bias=False, name="out", dtype=dtype)
    model = keras.Sequential([keras.Input((INPUTS,), dtype=dtype), layer])
    layer.set_weights([np.linspace(-1, 1, INPUTS)[:, None]])
    model.compile(optimizer=optimizer, loss=half_square, **options)
    return model


def hidden(optimizer: Any, regularizer: Any = None, **options: Any) -> Any:
    """Return two layers, from seeded weights."""
    first = keras.layers.Dense(6, activation="tanh", name="first", kernel_regularizer=regularizer)
    model = keras.Sequential([keras.Input((INPUTS,)), first, keras.layers.Dense(1, name="out")])
    random = np.random.default_rng(5)
    model.set_weights([random.normal(size=w.shape, scale=0.4) for w in model.get_weights()])
    model.compile(optimizer=optimizer, loss="mse", **options)
    return model


def train(model: Any, steps: int, dtype: str = "float32") -> None:
    """Take full-batch steps."""
    x, y = regression(dtype)
    for _ in range(steps):
        model.train_on_batch(x, y)


def fit(model: Any, epochs: int = 3, **options: Any) -> Any:
    """Fit in batches of 8 in a fixed order: six steps an epoch."""
    x, y = regression()
    return model.fit(x, y, batch_size=8, epochs=epochs, shuffle=False, verbose=0, **options)


def same(first: Any, second: Any) -> bool:
    """Return whether two models have the same weights, bit for bit."""
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return all(a.tobytes() == b.tobytes() for a, b in pairs)


def distance(first: Any, second: Any) -> float:
    """Return the largest difference between the weights of two models."""
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def kernel(model: Any, layer: str = "out") -> np.ndarray:
    """Return the kernel of a layer."""
    return model.get_layer(layer).get_weights()[0]
