"""A Keras model as a sequence of (`ParameterInfo`, variable), each array once.

Who uses this: `regularize`, and people who ask what a selection means. A parameter is called by
the layers that hold it and by its own name, joined by dots: "dense_1.kernel",
"encoder.dense.kernel". These are the parts of Keras' own path "encoder/dense/kernel", without the
model's name, so that `layer("dense_1")` and patterns read as in PyTorch. Each variable is described
through the table `shrinkage.keras.layers.LAYERS`; adding a layer is one line there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import keras

from shrinkage.errors import InputError
from shrinkage.keras.layers import Place, place_of
from shrinkage.keras.present import words_of
from shrinkage.parameters import ParameterInfo

L = keras.layers
# Layers that give what is inside them its kind, whatever makes the variables there.
_AROUND = (
    (
        (L.MultiHeadAttention, L.GroupQueryAttention, L.AdditiveAttention, L.Attention),
        "attention",
    ),
    ((L.ConvLSTM1D, L.ConvLSTM2D, L.ConvLSTM3D), "recurrent"),
)


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
    for name, place, variable in _owned(model):
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
    return {prefix: layer for prefix, layer, _ in _walk(model, "", "", ()) if prefix}


def _check_built(model: Any) -> None:
    walk = _walk(model, "", "", ())
    unbuilt = [prefix or "itself" for prefix, layer, _ in walk if not layer.built]
    if model.built and model._called:
        unbuilt = []  # a layer that a call of the model does not use has nothing to penalise
    if unbuilt or not model.weights:
        raise InputError(
            f"expected a built model, got {model.name!r} with "
            f"{f'no variables yet ({unbuilt[0]})' if unbuilt else 'no variables'}: call "
            "model.build(input_shape), begin it with keras.Input(shape), or call it on one batch"
        )


def _walk(
    layer: Any, prefix: str, inside: str, above: tuple[int, ...]
) -> Iterator[tuple[str, Any, str]]:
    """Yield (dotted name, layer, the kind of what it is inside of), the model itself as ""."""
    inside = next((kind for layers, kind in _AROUND if isinstance(layer, layers)), inside)
    yield prefix, layer, inside
    for inner in layer._flatten_layers(include_self=False, recursive=False):
        if id(inner) not in above:
            name = f"{prefix}.{inner.name}" if prefix else inner.name
            yield from _walk(inner, name, inside, (*above, id(layer)))


def _owned(model: Any) -> Iterator[tuple[str, Place, Any]]:
    for prefix, layer, inside in _walk(model, "", "", ()):
        for variable in layer._trainable_variables:
            name = f"{prefix}.{variable.name}" if prefix else variable.name
            place = place_of(layer, variable)
            yield name, replace(place, kind=inside) if inside else place, variable


def _info(name: str, place: Place, variable: Any) -> ParameterInfo:
    axes = (
        None if axis is None else axis + len(variable.shape)
        for axis in (place.input_axis, place.output_axis)
    )
    input_axis, output_axis = axes
    return ParameterInfo(
        name=name,
        shape=tuple(variable.shape),
        role=place.role,
        kind=place.kind,
        input_axis=input_axis,
        output_axis=output_axis,
        trainable=bool(variable.trainable),
        note=words_of(variable.regularizer),
    )
