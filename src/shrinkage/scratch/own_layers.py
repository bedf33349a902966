"""What a layer has to keep to, checked where a network uses it.

Who uses this: `Network`, for layers that a person wrote. Without these checks a forgotten gradient
is a KeyError far away, and one of a wrong shape is broadcast into a wrong number.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from shrinkage.errors import InputError
from shrinkage.scratch.checks import expect
from shrinkage.scratch.layers import Layer
from shrinkage.scratch.saving import remember_what_lasts


def copied(layers: Any) -> tuple[Layer, ...]:
    """Return copies of layers in a list, or say what it got instead."""
    copies = expect(layers, Iterable, "layers in a list", "[Affine(784, 10)]")
    return tuple(
        copy.deepcopy(expect(layer, Layer, "a layer", "Affine(784, 10)")) for layer in copies
    )


def settled(layer: Layer, number: int) -> None:
    """Check a layer after its `start`, and note what of it lasts."""
    where = f"layer {number}, {type(layer).__name__},"
    if not hasattr(layer, "parameters") or not hasattr(layer, "gradients"):
        raise InputError(
            f"expected {where} to have parameters, if only none, got a layer that has not been "
            "set up: call super().__init__() in its __init__"
        )
    try:
        inspect.signature(layer.forward).bind(None, None)
    except TypeError:
        raise InputError(
            f"expected {where} to have forward(self, x, training=None), got "
            f"forward{inspect.signature(layer.forward)}: add the argument, used or not"
        ) from None
    if not isinstance(layer.parameters, Mapping):
        raise InputError(
            f"expected the parameters of {where} as a dictionary, got "
            f"{type(layer.parameters).__name__}: give for example {{'scale': np.ones(5)}}"
        )
    for name, array in layer.parameters.items():
        _check_parameter(array, f"parameter {name!r} of {where}")
    remember_what_lasts(layer)


def _check_parameter(array: Any, what: str) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != np.float64:
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise InputError(
            f"expected {what} as an array of float64, got {kind}: start it with for example "
            "np.ones(5), or np.array(…, float)"
        )
    if not np.isfinite(array).all():
        raise InputError(
            f"expected {what} finite at its start, got NaN or infinity: look at its "
            "initialisation or its start"
        )


def returned(value: Any, layer: Layer, method: str) -> np.ndarray:
    """Return the array that a layer returned, or say what it was."""
    if not isinstance(value, np.ndarray):
        raise InputError(
            f"expected {method} of {type(layer).__name__} to return an array, got "
            f"{type(value).__name__}: end it with return …"
        )
    return value


def slopes_of(layer: Layer) -> dict[str, np.ndarray]:
    """Return the gradient of every parameter of a layer, or say which is missing or misshapen."""
    for name, array in layer.parameters.items():
        got = np.shape(layer.gradients[name]) if name in layer.gradients else "none"
        if got != array.shape:
            raise InputError(
                f"expected backward of {type(layer).__name__} to leave a gradient of shape "
                f"{array.shape} in self.gradients[{name!r}], got {got}: set it there"
            )
    return {name: layer.gradients[name] for name in layer.parameters}
