"""Two dense layers in Keras, trained one step by `train_on_batch`, on whatever backend runs.

Who uses this: the Keras faults and loops. Keras is imported inside, since it can have only one
backend in a process: torch's is asked for where nobody has chosen, and every loop here works on
each of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.mutants.audit_faults.records import Arrays, Step

RATE, STRENGTH = 0.05, 0.1


def keras() -> Any:
    """Return Keras, on the torch backend unless something else has chosen."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    try:
        import keras
    except ImportError as error:
        chosen = os.environ["KERAS_BACKEND"]
        raise RuntimeError(
            f"expected a Keras backend that is installed, got {chosen!r}: set KERAS_BACKEND=torch"
        ) from error
    return keras


def batch() -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets."""
    x = np.random.default_rng(4).normal(size=(16, 5)).astype("float32")
    return x, np.stack([x[:, 0], x[:, 1] * x[:, 2]], 1)


def dense(
    scale: float,
    regularizer: Callable[[float], dict[str, Any]] = lambda scale: {},  # noqa: ARG005
    kind: Any = None,
) -> Any:
    """Return the model before training; `regularizer(scale)` gives arguments of both layers."""
    layers = keras().layers
    model = (kind or keras().Sequential)(
        [
            layers.Input((5,)),
            layers.Dense(6, activation="tanh", name="hidden", **regularizer(scale)),
            layers.Dense(2, name="head", **regularizer(scale)),
        ]
    )
    generator = np.random.default_rng(5)
    drawn = [generator.normal(0, 0.4, v.shape).astype("float32") for v in model.weights]
    model.set_weights(drawn)
    return model


def arrays(model: Any) -> Arrays:
    """Return layer.variable → array, by names that do not count models."""
    return {
        f"{layer.name}.{variable.name}": _copied(variable.value)
        for layer in model.layers
        for variable in layer.trainable_variables
    }


def _copied(value: Any) -> np.ndarray:
    """Return a copy; a torch tensor by its own method, since NumPy's warns."""
    return np.array(value.detach().cpu().numpy() if hasattr(value, "detach") else value)


def trained(
    build: Callable[[float], Any],
    optimizer: Callable[[float], Any] | None = None,
    *,
    gradients: bool = False,
) -> Step:
    """Return step(scale): build the model, compile it, train on one batch.

    With `gradients` those of plain SGD are returned too, as the way that it went by its rate.
    """

    def step(scale: float) -> tuple[Arrays, ...]:
        model = build(scale)
        chosen = keras().optimizers.SGD(RATE) if optimizer is None else optimizer(scale)
        model.compile(optimizer=chosen, loss="mse")
        before = arrays(model)
        model.train_on_batch(*batch())
        after = arrays(model)
        if not gradients:
            return before, after
        return before, after, {name: (before[name] - w) / RATE for name, w in after.items()}

    return step
