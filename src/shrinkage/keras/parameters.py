"""A Keras model as a sequence of (`ParameterInfo`, variable), each array once.

Who uses this: `regularize`, and people who ask what a selection means. A parameter is called by
the layers that hold it and by its own name, joined by dots: "dense_1.kernel",
"encoder.dense.kernel". These are the parts of Keras' own path "encoder/dense/kernel", without the
model's name, so that `layer("dense_1")` and patterns read as in PyTorch. Each variable is described
through the table `LAYERS` of `shrinkage.parameters.keras_layers`; adding a layer is one line there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras

from shrinkage.errors import InputError
from shrinkage.keras.present import words_of
from shrinkage.parameters import ParameterInfo, Place
from shrinkage.parameters.keras_layers import owned, walk

L = keras.layers


def describe(model: Any) -> tuple[tuple[ParameterInfo, Any], ...]:
    """Return every variable that a model may train with what is known of it, shared ones once.

    Args:
        model: a built Keras model or layer.

    Returns:
        (info, variable) pairs, layer by layer.

    Raises:
        InputError: no Keras model, one without variables yet, or one name for two variables.

    >>> model = keras.Sequential([keras.Input((3,)), L.Dense(2, name="first")])
    >>> for info, variable in describe(model):
    ...     print(info.name, info.shape, info.role, info.input_axis)
    first.kernel (3, 2) weight 0
    first.bias (2,) bias None

    Source: layouts as in https://keras.io/api/layers/
    """
    if not isinstance(model, keras.layers.Layer):
        raise InputError(
            f"expected a Keras model, got {type(model).__name__}: give the model itself"
        )
    _check_built(model)
    described: dict[int, tuple[ParameterInfo, Any]] = {}
    taken: set[str] = set()
    for name, place, variable in owned(model):
        if name in taken:
            raise InputError(
                f"expected one name for each variable, got two of {name!r}: give one of the "
                "variables, or its layer, another name"
            )
        taken.add(name)
        if id(variable) in described:
            info = _better(described[id(variable)][0], place, variable)
            described[id(variable)] = (replace(info, aliases=(*info.aliases, name)), variable)
        else:
            described[id(variable)] = (_info(name, place, variable), variable)
    return tuple(described.values())


def _better(info: ParameterInfo, place: Place, variable: Any) -> ParameterInfo:
    """Return what is known of a shared variable; a wrapper knows less than the layer inside it."""
    if info.kind != "custom" or place.kind == "custom":
        return info
    return replace(_info(info.name, place, variable), aliases=info.aliases)


def layers_by_name(model: Any) -> dict[str, Any]:
    """Return every layer of a model by its dotted name.

    Args:
        model: a Keras model.

    Returns:
        name → layer, outer ones first.

    >>> "drop" in layers_by_name(keras.Sequential([L.Dropout(0.5, name="drop")]))
    True
    """
    return {prefix: layer for prefix, layer, _ in walk(model) if prefix}


def _check_built(model: Any) -> None:
    unbuilt = [prefix or "itself" for prefix, layer, _ in walk(model) if not layer.built]
    if model.built and model._called:
        unbuilt = []  # a layer that a call of the model does not use has nothing to penalise
    if unbuilt or not model.weights:
        # Keras' own build of a subclassed model builds no layer, and calls the model built
        built = "" if model.built else ", or call model.build(input_shape)"
        raise InputError(
            f"expected a built model, got {model.name!r} with "
            f"{f'no variables yet ({unbuilt[0]})' if unbuilt else 'no variables'}: call it on one "
            f"batch, begin it with keras.Input(shape){built}"
        )


def _info(name: str, place: Place, variable: Any) -> ParameterInfo:
    return ParameterInfo(
        name=name,
        shape=tuple(variable.shape),
        role=place.role,
        kind=place.kind,
        input_axis=place.input_axis,
        output_axis=place.output_axis,
        trainable=bool(variable.trainable),
        note=words_of(variable.regularizer),
    )
