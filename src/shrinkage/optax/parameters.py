"""A tree of JAX arrays as a sequence of (`ParameterInfo`, array): names, roles and axes.

Who uses this: every transformation of the package, and `table`. What an array is, `places` tells:
by the class of its layer, where the tree is an Equinox or a Flax NNX module, else by its name. An
array that neither tells about is a weight where it has two or more axes, without known axes: a
group per input is then refused, not guessed, and `layout=` says what it is (`layouts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from shrinkage.errors import InputError
from shrinkage.optax.places import place_of, root_of
from shrinkage.parameters import ParameterInfo

Layout = Callable[[ParameterInfo], ParameterInfo]


class _TreeLeaf(NamedTuple):
    """A leaf, its name, the object that holds it, and the variable of Flax that wraps it."""

    name: str
    array: Any
    owner: Any
    variable: Any


def named_leaves(tree: Any) -> dict[str, Any]:
    """Return the arrays of a tree by name, the parts of their paths joined by dots.

    Attributes:
        tree: any tree of JAX, such as a dict, an Equinox module or the state of a Flax module.

    Returns:
        name → leaf, in the order of the tree; `term.around(named_leaves(params))` takes it.

    Raises:
        InputError: two leaves of one name.

    >>> list(named_leaves({"layers": [{"kernel": jnp.ones(2)}]}))
    ['layers.0.kernel']
    """
    return {leaf.name: leaf.array for leaf in _leaves(tree)}


def describe(params: Any, layout: Layout | None = None) -> tuple[tuple[ParameterInfo, Any], ...]:
    """Return every floating array of a tree with what is known of it.

    Args:
        params: any tree of JAX; leaves of whole numbers are left out, and of a Flax module every
            variable that is no nnx.Param, such as the running means of a batch norm.
        layout: called with each `ParameterInfo`, returns the one that is right (`in_out`, `out_in`,
            `layout_of(module)` or your own); None takes what classes and names say.

    Returns:
        (info, array) pairs in the order of the tree.

    Raises:
        InputError: no floating array in the tree, two of one name, or a layout that is no function
            or returns no `ParameterInfo`.

    >>> params = {"layer": {"kernel": jnp.ones((3, 2)), "bias": jnp.ones(2)}}
    >>> for info, array in describe(params):
    ...     print(info.name, info.role, info.input_axis, info.output_axis)
    layer.bias bias None None
    layer.kernel weight 0 1

    Source: the layouts are those of https://flax.readthedocs.io (nnx.Linear, nnx.Conv) and
    https://docs.kidger.site/equinox (nn.Linear, nn.Conv).
    """
    checked_layout(layout)
    described = tuple(
        (_laid_out(_info(leaf), layout), leaf.array) for leaf in _leaves(params) if _counts(leaf)
    )
    if not described:
        raise InputError(
            f"expected a tree with floating arrays, got {type(params).__name__} without any: give "
            "the parameters, for example nnx.state(model, nnx.Param) or eqx.filter(model, "
            "eqx.is_inexact_array)"
        )
    return described


def checked_layout(layout: Any) -> Any:
    """Return the layout, or say what one is.

    >>> checked_layout(None)
    """
    if layout is not None and not callable(layout):
        raise InputError(
            f"expected a layout that is a function of ParameterInfo, got {layout!r}: give in_out, "
            "out_in or layout_of(module) of shrinkage.optax, not its name"
        )
    return layout


def _counts(leaf: _TreeLeaf) -> bool:
    kinds = [base.__name__ for base in type(leaf.variable).__mro__]
    if "Variable" in kinds and "Param" not in kinds:
        return False
    return hasattr(leaf.array, "shape") and jnp.issubdtype(leaf.array.dtype, jnp.inexact)


def _info(leaf: _TreeLeaf) -> ParameterInfo:
    shape = tuple(leaf.array.shape)
    place = place_of(leaf.name, shape, leaf.owner)
    return ParameterInfo(
        leaf.name,
        shape,
        place.role,
        place.kind,
        place.input_axis,
        place.output_axis,
        real=jnp.issubdtype(leaf.array.dtype, jnp.floating),
    )


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
            f"got {changed!r}: use for example dataclasses.replace(info, input_axis=0)"
        )
    return changed


def _leaves(tree: Any) -> tuple[_TreeLeaf, ...]:
    leaves, names = tuple(_walk(tree)), set[str]()
    for leaf in leaves:
        if leaf.name in names:
            raise InputError(
                f"expected every array to have a name of its own, got two named {leaf.name!r} once "
                "the keys of the tree are joined by dots: rename a key that has a dot in it"
            )
        names.add(leaf.name)
    return leaves


def _walk(tree: Any) -> Iterator[_TreeLeaf]:
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        holders, words = _holders(tree, path), [_word(key) for key in path]
        variable = None
        # a variable of Flax wraps its array: the path goes one further where it is still wrapped
        if (
            len(words) > 1
            and words[-1] in ("value", "raw_value")
            and root_of(holders[-1]) == "flax"
        ):
            variable = holders.pop()
            words.pop()
        yield _TreeLeaf(".".join(words), leaf, holders[-1] if holders else None, variable)


def _holders(tree: Any, path: tuple[Any, ...]) -> list[Any]:
    """Return the objects along a path, the leaf left out; None where one cannot be reached."""
    holders = [tree] if path else []
    for key in path[:-1]:
        holders.append(_child(holders[-1], key))
    return holders


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
