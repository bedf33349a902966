"""A tree of JAX arrays as a sequence of (`ParameterInfo`, array): roles and axes from names.

Who uses this: every transformation of the package, and `table`. A tree of Flax has names only, so
names decide: a kernel is (…, in, out), as Flax makes it. In an Equinox module the class that owns
an array is known and asked first: a weight is (out, in, …). An array that neither tells about is a
weight where it has two or more axes, without known axes: a group per input is then refused, not
guessed, and `layout=` says what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from shrinkage.errors import InputError
from shrinkage.parameters import ParameterInfo

Layout = Callable[[ParameterInfo], ParameterInfo]


@dataclass(frozen=True)
class Place:
    """What a name or an owner says of an array."""

    role: str
    kind: str = "custom"
    input_axis: int | None = None
    output_axis: int | None = None


# Class of an Equinox module → what its weights are; every other class falls back to names.
_EQUINOX: dict[str, Place] = {
    "Linear": Place("weight", "linear", 1, 0),
    "GRUCell": Place("weight", "recurrent", 1, 0),
    "LSTMCell": Place("weight", "recurrent", 1, 0),
    "Embedding": Place("embedding", "embedding", 0, 1),
    "LayerNorm": Place("norm", "norm"),
    "RMSNorm": Place("norm", "norm"),
    "GroupNorm": Place("norm", "norm"),
    "BatchNorm": Place("norm", "norm"),
}
_FLAX_HEADS = {"query": (0, None), "key": (0, None), "value": (0, None), "out": (None, 2)}
_BIASES = ("bias", "b")
_SCALES = ("scale", "weight", "gamma")


def named_leaves(tree: Any) -> dict[str, Any]:
    """Return the arrays of a tree by name, the parts of their paths joined by dots.

    Args:
        tree: any tree of JAX, such as a dict, an Equinox module or the state of a Flax module.

    Returns:
        name → leaf, in the order of the tree.

    >>> list(named_leaves({"layers": [{"kernel": jnp.ones(2)}]}))
    ['layers.0.kernel']
    """
    return {name: leaf for name, leaf, _ in _walk(tree)}


def describe(params: Any, layout: Layout | None = None) -> tuple[tuple[ParameterInfo, Any], ...]:
    """Return every floating array of a tree with what is known of it.

    Args:
        params: any tree of JAX; leaves of whole numbers are left out.
        layout: called with each `ParameterInfo`, returns the one that is right (`in_out`, `out_in`
            or your own); None takes what names and classes say.

    Returns:
        (info, array) pairs in the order of the tree.

    Raises:
        InputError: no floating array in the tree, or a layout that returns no `ParameterInfo`.

    >>> params = {"layer": {"kernel": jnp.ones((3, 2)), "bias": jnp.ones(2)}}
    >>> for info, array in describe(params):
    ...     print(info.name, info.role, info.input_axis, info.output_axis)
    layer.bias bias None None
    layer.kernel weight 0 1

    Source: the layouts are those of https://flax.readthedocs.io (nnx.Linear, nnx.Conv) and
    https://docs.kidger.site/equinox (nn.Linear, nn.Conv).
    """
    found = []
    for name, leaf, owner in _walk(params):
        if not hasattr(leaf, "shape") or not jnp.issubdtype(leaf.dtype, jnp.floating):
            continue
        place = _place(name, tuple(leaf.shape), owner)
        info = ParameterInfo(
            name, tuple(leaf.shape), place.role, place.kind, place.input_axis, place.output_axis
        )
        found.append((_laid_out(info, layout), leaf))
    if not found:
        raise InputError(
            f"expected a tree with floating arrays, came {type(params).__name__} without any: give "
            "the parameters, for example nnx.state(model, nnx.Param) or eqx.filter(model, "
            "eqx.is_inexact_array)"
        )
    return tuple(found)


def in_out(info: ParameterInfo) -> ParameterInfo:
    """Return the info of an array whose last two axes are (in, out), as in Flax: `layout=in_out`.

    >>> in_out(ParameterInfo("w", (3, 2))).input_axis
    0
    """
    return _with_axes(info, len(info.shape) - 2, len(info.shape) - 1)


def out_in(info: ParameterInfo) -> ParameterInfo:
    """Return the info of an array whose first two axes are (out, in): `layout=out_in`.

    >>> out_in(ParameterInfo("w", (3, 2))).input_axis
    1
    """
    return _with_axes(info, 1, 0)


def _with_axes(info: ParameterInfo, input_axis: int, output_axis: int) -> ParameterInfo:
    if info.role != "weight" or len(info.shape) < 2:
        return info
    return replace(info, input_axis=input_axis, output_axis=output_axis)


def _laid_out(info: ParameterInfo, layout: Layout | None) -> ParameterInfo:
    if layout is None:
        return info
    changed = layout(info)
    if not isinstance(changed, ParameterInfo) or (changed.name, changed.shape) != (
        info.name,
        info.shape,
    ):
        raise InputError(
            f"expected layout to return the ParameterInfo of {info.name} with other roles or axes, "
            f"came {changed!r}: use for example dataclasses.replace(info, input_axis=0)"
        )
    return changed


def _walk(tree: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield (name, leaf, the object that holds it, None where it cannot be reached)."""
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        owner = tree if path else None
        for key in path[:-1]:
            owner = _child(owner, key)
        words = [_word(key) for key in path]
        # a variable of Flax wraps its array: the path goes one further where it is still wrapped
        if len(words) > 1 and words[-1] in ("value", "raw_value") and _root(owner) == "flax":
            words.pop()
        yield ".".join(words), leaf, owner


def _child(node: Any, key: Any) -> Any:
    try:
        if isinstance(key, jax.tree_util.GetAttrKey):
            return getattr(node, key.name)
        return node[key.key if isinstance(key, jax.tree_util.DictKey) else key.idx]
    except (AttributeError, KeyError, IndexError, TypeError):
        return None


def _word(key: Any) -> str:
    for attribute in ("name", "key", "idx"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)


def _root(owner: Any) -> str:
    return type(owner).__module__.partition(".")[0]


def _place(name: str, shape: tuple[int, ...], owner: Any) -> Place:
    *layers, word = name.split(".")
    if "bias" in word or word in _BIASES:
        return Place("bias")
    if _root(owner) == "equinox":
        return _in_equinox(owner, shape)
    if word == "embedding":
        return Place("embedding", "embedding", 0, 1)
    if len(shape) < 2:
        return Place("norm", "norm") if word in _SCALES else Place("other")
    if word == "scale":
        return Place("norm", "norm")
    if word == "kernel":
        return _kernel(layers[-1] if layers else "", len(shape))
    return Place("weight")


def _in_equinox(owner: Any, shape: tuple[int, ...]) -> Place:
    kinds = [base.__name__ for base in type(owner).__mro__]
    for kind in kinds:
        if kind in _EQUINOX:
            return _EQUINOX[kind]
    if len(shape) < 2:
        return Place("other")
    if any(kind.startswith("Conv") for kind in kinds):
        # in groups an index of the input axis is another unit in each group
        return Place("weight", "conv", 1 if getattr(owner, "groups", 1) == 1 else None, 0)
    return Place("weight")


def _kernel(layer: str, axes: int) -> Place:
    if axes == 3 and layer in _FLAX_HEADS:  # (in, heads, depth), and (heads, depth, out)
        return Place("weight", "attention", *_FLAX_HEADS[layer])
    return Place("weight", "linear" if axes == 2 else "conv", axes - 2, axes - 1)
