"""What an array is for and where its units lie: from the class of its layer, else from its name.

Who uses this: `describe`. A class of Equinox or of Flax NNX tells its layout, as long as the array
has as many axes as that class gives it: a layer that was stacked by vmap or scan has more, and no
axis is then known. A name tells less: a `kernel` of two axes is (in, out), and one of more may be
a convolution, attention heads or a stack of layers. Nothing is guessed there: a group per input is
refused, and `layout=` says what it is. What is longer than one along its last axis alone, as a
class token and the offset of Haiku's batch norm are, is one vector.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shrinkage.parameters import Place

_BIAS, _OTHER, _WEIGHT = Place("bias"), Place("other"), Place("weight")
_NORM = Place("norm", "norm")
_EMBEDDING = Place("embedding", "embedding", 0, 1, rank=2)
_OUT_IN = Place("weight", "linear", 1, 0, rank=2)
_IN_OUT = Place("weight", "linear", 0, 1, rank=2)
_RECURRENT = Place("weight", "recurrent", 1, 0, rank=2)
_BIASES = ("bias", "b", "offset", "beta")
_SCALES = ("scale", "weight", "gamma")
_WEIGHTS = ("kernel", "w", "weight")


def place_of(name: str, shape: tuple[int, ...], owner: Any) -> Place:
    """Return what is known of an array.

    Args:
        name: its full name, parts joined by dots.
        shape: its axes.
        owner: the layer that holds it, or whatever the tree has in its place.

    Returns:
        The `Place`, without axes where the layer's class gives its array another number of them.

    >>> place_of("layer.kernel", (3, 2), None).input_axis
    0
    >>> place_of("layer.kernel", (3, 3, 2), None).input_axis
    """
    word, rank = name.rpartition(".")[2], len(shape)
    if "bias" in word or word in _BIASES:
        return _BIAS
    library = root_of(owner)
    if library == "equinox":
        return _fitted(_in_equinox(owner, word, shape), rank)
    if library == "flax" and word in ("kernel", "embedding"):
        return _fitted(_in_flax(owner, word, shape), rank)
    return _fitted(_by_name(word, shape), rank)


def root_of(owner: Any) -> str:
    """Return the package that the class of an object comes from."""
    return type(owner).__module__.partition(".")[0]


def _fitted(place: Place, rank: int) -> Place:
    if place.rank in (None, rank):
        return place
    return replace(place, input_axis=None, output_axis=None)


def _by_name(word: str, shape: tuple[int, ...]) -> Place:
    rank = len(shape)
    if "embed" in word:
        return _EMBEDDING
    if word == "scale" or (rank < 2 and word in _SCALES):
        return _NORM
    if rank < 2 or (rank > 2 and max(shape[:-1]) == 1 and word not in _WEIGHTS):
        return _OTHER
    return _IN_OUT if (word, rank) == ("kernel", 2) else _WEIGHT


def _in_equinox(owner: Any, word: str, shape: tuple[int, ...]) -> Place:
    made = _layer(owner, _EQUINOX)
    return made(owner) if made is not None else _by_name(word, shape)


def _in_flax(owner: Any, word: str, shape: tuple[int, ...]) -> Place:
    made = _layer(owner, _FLAX)
    return made(owner) if made is not None else _by_name(word, shape)


def _layer(owner: Any, known: dict[str, Callable[[Any], Place]]) -> Callable[[Any], Place] | None:
    kinds = (base.__name__ for base in type(owner).__mro__)
    return next((known[kind] for kind in kinds if kind in known), None)


def _equinox_conv(owner: Any) -> Place:
    # in groups an index of the input axis is another unit in each group
    inputs = 1 if owner.groups == 1 else None
    return Place("weight", "conv", inputs, 0, rank=owner.num_spatial_dims + 2)


def _flax_conv(owner: Any) -> Place:
    rank = len(owner.kernel_shape)
    inputs, outputs = rank - 2, rank - 1
    if getattr(owner, "transpose_kernel", False):
        inputs, outputs = outputs, inputs
    grouped = getattr(owner, "feature_group_count", 1) != 1
    return Place("weight", "conv", None if grouped else inputs, outputs, rank)


def _flax_general(owner: Any) -> Place:
    """Return the place of (batch…, in…, out…): inputs and outputs of one axis have an axis."""
    first, inputs, outputs = map(len, (owner.batch_axis, owner.in_features, owner.out_features))
    rank = first + inputs + outputs
    return Place(
        "weight",
        "linear",
        first if inputs == 1 else None,
        rank - 1 if outputs == 1 else None,
        rank,
    )


# Class of a layer → what its weights are, made from the layer.
_EQUINOX: dict[str, Callable[[Any], Place]] = {
    "Linear": lambda _: _OUT_IN,
    "GRUCell": lambda _: _RECURRENT,
    "LSTMCell": lambda _: _RECURRENT,
    "Embedding": lambda _: _EMBEDDING,
    "LayerNorm": lambda _: _NORM,
    "RMSNorm": lambda _: _NORM,
    "GroupNorm": lambda _: _NORM,
    "BatchNorm": lambda _: _NORM,
    "Conv": _equinox_conv,
    "ConvTranspose": _equinox_conv,
}
_FLAX: dict[str, Callable[[Any], Place]] = {
    "Linear": lambda _: _IN_OUT,
    "Embed": lambda _: _EMBEDDING,
    "Conv": _flax_conv,
    "ConvTranspose": _flax_conv,
    "LinearGeneral": _flax_general,
    "Einsum": lambda _: _WEIGHT,
}
