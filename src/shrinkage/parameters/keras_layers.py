"""What each kind of Keras layer says of its variables: role, kind, and the axes of its units.

Who uses this: `shrinkage.keras`, and `shrinkage.pytorch` where a model of PyTorch has Keras layers
in it; nobody else loads Keras by it. Variables of a layer that is not in the table follow their
shape, as in PyTorch: two or more axes are a weight of kind "custom" (a user's own layer must not
silently go unpenalised); fewer axes, or "bias" in the name, are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import keras

from shrinkage.parameters import Place

L = keras.layers


def _conv(layer: Any, _name: str) -> Place:
    """A convolution in groups has no input axis: an index is another unit in each group."""
    return Place("weight", "conv", -2 if getattr(layer, "groups", 1) == 1 else None, -1)


def _separable(layer: Any, name: str) -> Place:
    """The pointwise half is over the depthwise one's outputs: inputs where each has only one."""
    if name.startswith("depthwise"):
        return Place("weight", "conv", -2, None)
    return Place("weight", "conv", -2 if layer.depth_multiplier == 1 else None, -1)


def _einsum(layer: Any, _name: str) -> Place:
    """A letter of the kernel and the inputs alone is an input axis, with the outputs an output."""
    left, _, right = layer.equation.replace("...", "").partition("->")
    inputs, _, kernel = left.partition(",")
    axes = range(-len(kernel), 0)
    summed = [axis for axis in axes if kernel[axis] in inputs and kernel[axis] not in right]
    made = [axis for axis in axes if kernel[axis] in right and kernel[axis] not in inputs]
    one_input, one_output = (axes[0] if len(axes) == 1 else None for axes in (summed, made))
    return Place("weight", "linear", one_input, one_output)


def _everywhere(
    role: str, kind: str, input_axis: int | None = -2, output_axis: int | None = -1
) -> Callable[[Any, str], Place]:
    place = Place(role, kind, input_axis, output_axis)
    return lambda _layer, _name: place


# The first entry that fits the owning layer decides; a base class is looked for after its kin.
LAYERS: tuple[tuple[tuple[type, ...], Callable[[Any, str], Place]], ...] = (
    ((L.Dense,), _everywhere("weight", "linear")),
    ((L.EinsumDense,), _einsum),
    (
        (L.Conv1DTranspose, L.Conv2DTranspose, L.Conv3DTranspose),
        _everywhere("weight", "conv", -1, -2),
    ),
    ((L.DepthwiseConv1D, L.DepthwiseConv2D), _everywhere("weight", "conv", -2, None)),
    ((L.SeparableConv1D, L.SeparableConv2D), _separable),
    ((L.Conv1D, L.Conv2D, L.Conv3D), _conv),
    ((L.SimpleRNNCell, L.GRUCell, L.LSTMCell), _everywhere("weight", "recurrent")),
    ((L.Embedding,), _everywhere("embedding", "embedding")),
    (
        (L.BatchNormalization, L.LayerNormalization, L.GroupNormalization, L.UnitNormalization),
        _everywhere("norm", "norm", None, None),
    ),
    ((L.PReLU,), _everywhere("other", "custom", None, None)),
    # what is inside has the layout of another library
    ((L.TorchModuleWrapper, L.JaxLayer), _everywhere("weight", "custom", None, None)),
)
# Layers that give what is inside them its kind, whatever makes the variables there.
_AROUND = (
    (
        (L.MultiHeadAttention, L.GroupQueryAttention, L.AdditiveAttention, L.Attention),
        "attention",
    ),
    ((L.ConvLSTM1D, L.ConvLSTM2D, L.ConvLSTM3D), "recurrent"),
)
_NORMS = ("gamma", "scale", "beta")  # what a norm that the table does not know calls its own


def place_of(layer: Any, variable: Any) -> Place:
    """Return what a layer says of one of its own variables.

    Args:
        layer: the layer that made the variable.
        variable: a Keras variable.

    Returns:
        The `Place`; a layer that no entry knows has weights of kind "custom".

    >>> place_of(L.Dense(2), keras.Variable([[1.0]], name="kernel")).kind
    'linear'
    """
    own = [place for layers, place in LAYERS if isinstance(layer, layers)]
    place = own[0](layer, variable.name) if own else Place("weight", "custom", -2, -1)
    if "bias" in variable.name or (place.role == "norm" and variable.name == "beta"):
        return Place("bias", place.kind, None, None)
    if not own and variable.name in _NORMS and "norm" in type(layer).__name__.lower():
        return Place("bias" if variable.name == "beta" else "norm", "norm", None, None)
    if place.role == "weight" and len(variable.shape) < 2:
        return Place("other", place.kind, None, None)
    return place


def owned(model: Any) -> Iterator[tuple[str, Place, Any]]:
    """Yield (dotted name, place, variable) of what a model may train, shared ones once a name.

    Args:
        model: a built Keras model or layer, whose own name is no part of the names.

    >>> [name for name, _, _ in owned(keras.Sequential([keras.Input((3,)), L.Dense(2, name="a")]))]
    ['a.kernel', 'a.bias']
    """
    for prefix, layer, inside in walk(model):
        for variable in layer._trainable_variables:
            name = f"{prefix}.{variable.name}" if prefix else variable.name
            place = place_of(layer, variable)
            place = replace(place, kind=inside) if inside else place
            yield name, _with_own_axes(place, len(variable.shape)), variable


def walk(
    layer: Any, prefix: str = "", inside: str = "", above: tuple[int, ...] = ()
) -> Iterator[tuple[str, Any, str]]:
    """Yield (dotted name, layer, the kind of what it is inside of), the model itself as "".

    >>> [name for name, _, _ in walk(keras.Sequential([L.Dropout(0.5, name="drop")]))]
    ['', 'drop']
    """
    inside = next((kind for layers, kind in _AROUND if isinstance(layer, layers)), inside)
    yield prefix, layer, inside
    for inner in layer._flatten_layers(include_self=False, recursive=False):
        if id(inner) not in above:
            name = f"{prefix}.{inner.name}" if prefix else inner.name
            yield from walk(inner, name, inside, (*above, id(layer)))


def _with_own_axes(place: Place, rank: int) -> Place:
    """Return the place with axes that count from the first."""
    axes = (place.input_axis, place.output_axis)
    inputs, outputs = (None if axis is None or not rank else axis % rank for axis in axes)
    return replace(place, input_axis=inputs, output_axis=outputs)
