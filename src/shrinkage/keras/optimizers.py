"""The optimizer whose steps a model's training takes, and what it must be for terms to join them.

Who uses this: `regularize`. Terms act where every backend takes its step, in the optimizer's
`_backend_update_step`: after clipping and the optimizer's own decay, inside the compiled train
function, only when a step is really taken (loss scaling skips it on overflow, accumulation waits).
A wrapper that takes steps elsewhere cannot be joined, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras

from shrinkage.errors import InputError, UnsupportedOptimizer

STEP = "_backend_update_step"


def stepping(model: Any, optimizer: Any = None) -> Any:
    """Return the optimizer that moves a model's variables, inside a loss scaler or not.

    Args:
        model: a Keras model, compiled where no optimizer is given.
        optimizer: the one that moves, where the model does not train by the one it was compiled
            with.

    Returns:
        The optimizer.

    Raises:
        InputError: a model without an optimizer, or an optimizer that has terms already.
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
    if optimizer is None:
        optimizer = compiled_optimizer(model)
    if optimizer is None:
        raise InputError(
            f"expected a compiled model, got {model.name!r} without an optimizer: call "
            f"model.compile(optimizer=…, loss=…) first{ways_to(optimizers_of(model))}"
        )
    optimizer = inner_optimizer(optimizer)
    _check_steps(optimizer)
    if STEP in vars(optimizer):
        raise InputError(
            "expected an optimizer without terms, got one that has some: call detach() on its "
            "attachment first, or give all terms at once"
        )
    return optimizer


def compiled_optimizer(model: Any) -> Any:
    """Return the optimizer that a model was compiled with, None if it was not.

    >>> compiled_optimizer(keras.Sequential([keras.Input((3,))])) is None
    True
    """
    return getattr(model, "optimizer", None) if model.compiled else None


def inner_optimizer(optimizer: Any) -> Any:
    """Return the optimizer inside Keras' loss scaler, or the same where it is none.

    >>> inner_optimizer(None) is None
    True
    """
    if type(optimizer) is keras.optimizers.LossScaleOptimizer:
        return optimizer.inner_optimizer
    return optimizer


def optimizers_of(model: Any) -> dict[str, Any]:
    """Return the Keras optimizers that a model holds, by the names under which it does.

    Args:
        model: a Keras model.

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile(optimizer=keras.optimizers.SGD())
    >>> list(optimizers_of(model))
    ['optimizer']
    """
    held: dict[str, Any] = {}
    for name, value in tuple(vars(model).items()):
        if name.startswith("_"):  # the backend's own lists
            continue
        if isinstance(value, dict):
            held |= {f"{name}[{key!r}]": own for key, own in value.items()}
        elif isinstance(value, list | tuple):
            held |= {f"{name}[{index}]": own for index, own in enumerate(value)}
        else:
            held[name] = value
    return {name: own for name, own in held.items() if isinstance(own, keras.optimizers.Optimizer)}


def ways_to(optimizers: Iterable[str]) -> str:
    """Return how to give the terms to one of these, nothing where there is none.

    >>> ways_to(["d_optimizer"])
    ', or give the one that moves: regularize(…, optimizer=model.d_optimizer)'
    """
    ways = " or ".join(f"optimizer=model.{name}" for name in optimizers)
    return f", or give the one that moves: regularize(…, {ways})" if ways else ""


def _check_steps(optimizer: Any) -> None:
    kind = type(optimizer)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise UnsupportedOptimizer(
            f"expected a Keras optimizer, got {kind.__module__}.{kind.__qualname__}: compile the "
            "model with one of keras.optimizers; one of PyTorch has its terms from "
            "shrinkage.pytorch.regularize(optimizer, model, terms)"
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
