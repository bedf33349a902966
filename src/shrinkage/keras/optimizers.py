"""The optimizer whose steps a model's training takes, and what it must be for terms to join them.

Who uses this: `regularize`. Terms act where every backend takes its step, in the optimizer's
`_backend_update_step`: after clipping and the optimizer's own decay, inside the compiled train
function, only when a step is really taken (loss scaling skips it on overflow, accumulation waits).
A wrapper that takes steps elsewhere cannot be joined, and is refused.
"""

from __future__ import annotations

from typing import Any

import keras

from shrinkage.errors import InputError, UnsupportedOptimizer

STEP = "_backend_update_step"


def stepping(model: Any) -> Any:
    """Return the optimizer that moves a compiled model's variables, inside a loss scaler or not.

    Args:
        model: a compiled Keras model.

    Returns:
        The optimizer.

    Raises:
        InputError: a model that is not compiled, or an optimizer that has terms already.
        UnsupportedOptimizer: a wrapper of another library, several optimizers, or replicas.

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> model.compile(optimizer=keras.optimizers.Adam())
    >>> stepping(model) is model.optimizer
    True
    """
    if not isinstance(model, keras.Model):
        raise InputError(
            f"expected a compiled keras.Model, got {type(model).__name__}: give the model itself"
        )
    optimizer = model.optimizer if model.compiled else None
    if optimizer is None:
        raise InputError(
            f"expected a compiled model, got {model.name!r} without an optimizer: call "
            "model.compile(optimizer=…, loss=…) first"
        )
    if type(optimizer) is keras.optimizers.LossScaleOptimizer:
        optimizer = optimizer.inner_optimizer
    _check_steps(optimizer)
    if STEP in vars(optimizer):
        raise InputError(
            "expected an optimizer without terms, got one that has some: call detach() on its "
            "attachment first, or give all terms at once"
        )
    return optimizer


def _check_steps(optimizer: Any) -> None:
    kind = type(optimizer)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise UnsupportedOptimizer(
            f"expected a Keras optimizer, got {kind.__module__}.{kind.__qualname__}: compile the "
            "model with one of keras.optimizers"
        )
    for name in ("apply", "apply_gradients", STEP, "_backend_apply_gradients"):
        owner = next(base for base in kind.__mro__ if name in vars(base))
        wrapped = name == "apply" and owner is not _owner_of_apply()
        if wrapped or owner.__module__.partition(".")[0] != "keras":
            raise UnsupportedOptimizer(
                f"expected an optimizer that takes its steps itself, got {kind.__module__}."
                f"{kind.__qualname__}, whose {name} is its own, so that terms could miss its "
                "steps or repeat them: compile the model with the optimizer inside it"
            )
    replicas = getattr(
        getattr(optimizer, "_distribution_strategy", None), "num_replicas_in_sync", 1
    )
    if replicas > 1:
        raise UnsupportedOptimizer(
            f"expected one replica, got a tf.distribute strategy with {replicas}, where a shrink "
            "would be taken by each: use update 'loss', that is, shrinkage.keras.regularizer"
        )


def _owner_of_apply() -> type:
    base = keras.optimizers.Optimizer
    return next(kind for kind in base.__mro__ if "apply" in vars(kind))
