"""One table of array functions for each framework: NumPy, torch, JAX, TensorFlow.

Who uses this: `shrinkage.arrays`, which finds the table from an array. A plain table a framework,
not a wrapper class around arrays, so that adding a framework is one function and one line in
`LIBRARIES`. A framework is imported when the first array of it arrives, never before.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.errors import InputError

Array = Any
Axes = tuple[int, ...]


@dataclass(frozen=True)
class Library:
    """One framework's functions; axes are tuples of non-negative ints, `()` reduces nothing.

    `cast(value, like)` gives `value` the dtype and device of `like`, `wide(x)` is at least
    float32, `take(x, index, axis)` gives some positions along an axis,
    `svd(x)` is (u, s, vᵀ) of the last two axes, thin, which must be finite,
    `chosen(x, count)` the `count` largest along the last axis, of equal ones the first,
    `repeat(body, state)` calls `state, more = body(state)` until `more` is False, and
    `quiet()` silences floating point warnings that a diverged model would raise for all.
    """

    name: str
    abs: Callable[[Array], Array]
    sign: Callable[[Array], Array]
    sqrt: Callable[[Array], Array]
    cos: Callable[[Array], Array]
    arccos: Callable[[Array], Array]
    log1p: Callable[[Array], Array]
    where: Callable[[Array, Array, Any], Array]
    clip: Callable[[Array, Any, Any], Array]
    sum: Callable[..., Array]
    max: Callable[..., Array]
    any: Callable[[Array], Array]
    chosen: Callable[[Array, Array], Array]
    floor: Callable[[Array], Array]
    copy: Callable[[Array], Array]
    reshape: Callable[[Array, Any], Array]
    transpose: Callable[[Array, Axes], Array]
    svd: Callable[[Array], tuple[Array, Array, Array]]
    take: Callable[[Array, Any, int], Array]
    concatenate: Callable[[Sequence[Array], int], Array]
    zeros_like: Callable[[Array], Array]
    cast: Callable[[Any, Array], Array]
    wide: Callable[[Array], Array]
    epsilon: Callable[[Array], float]
    is_floating: Callable[[Array], bool]
    repeat: Callable[[Callable[[Any], tuple[Any, Any]], Any], Any]
    quiet: Callable[[], contextlib.AbstractContextManager[Any]]


def _repeat_eagerly(body: Callable[[Any], tuple[Any, Any]], state: Any) -> Any:
    more = True
    while more:
        state, more = body(state)
    return state


def _numpy() -> Library:
    def cast(value: Any, like: Array) -> Array:
        with np.errstate(over="ignore"):
            return np.asarray(value).astype(like.dtype, copy=False)

    def where(condition: Array, yes: Array, no: Array) -> Array:
        return np.where(condition, yes, np.asarray(no, dtype=yes.dtype))

    def largest(x: Array, axes: Axes, keepdims: bool = False) -> Array:
        return np.max(x, axis=axes, keepdims=keepdims, initial=0)

    def wide(x: Array) -> Array:
        return x.astype(np.result_type(x.dtype, np.float32), copy=False)

    return Library(
        name="numpy",
        abs=np.abs,
        sign=np.sign,
        sqrt=np.sqrt,
        cos=np.cos,
        arccos=np.arccos,
        log1p=np.log1p,
        where=where,
        clip=np.clip,
        sum=lambda x, axes, keepdims=False: np.sum(x, axis=axes, keepdims=keepdims),
        max=largest,
        any=np.any,
        chosen=lambda x, count: np.argsort(np.argsort(-x, -1, "stable"), -1) < count[..., None],
        floor=np.floor,
        copy=np.array,
        reshape=np.reshape,
        transpose=np.transpose,
        svd=lambda x: np.linalg.svd(x, full_matrices=False),
        take=np.take,
        concatenate=np.concatenate,
        zeros_like=np.zeros_like,
        cast=cast,
        wide=wide,
        epsilon=lambda x: float(np.finfo(x.dtype).eps),
        is_floating=lambda x: bool(np.issubdtype(x.dtype, np.floating)),
        repeat=_repeat_eagerly,
        quiet=lambda: np.errstate(all="ignore"),
    )


def _torch() -> Library:
    import torch

    def sign(x: Array) -> Array:  # torch.sign(nan) is 0, which would hide a diverged model
        return torch.where(torch.isnan(x), x, torch.sign(x))

    def total(x: Array, axes: Axes, keepdims: bool = False) -> Array:
        return torch.sum(x, dim=axes, keepdim=keepdims) if axes else x  # dim=() would reduce all

    def largest(x: Array, axes: Axes, keepdims: bool = False) -> Array:
        if not axes:
            return x
        if x.numel() == 0:
            return torch.sum(x, dim=axes, keepdim=keepdims)
        return torch.amax(x, dim=axes, keepdim=keepdims)

    def cast(value: Any, like: Array) -> Array:
        return torch.as_tensor(value, dtype=like.dtype, device=like.device)

    def take(x: Array, index: Any, axis: int) -> Array:
        return torch.index_select(x, axis, torch.as_tensor(index, device=x.device))

    def chosen(x: Array, count: Array) -> Array:
        mask = torch.zeros(x.shape, dtype=torch.bool, device=x.device)
        if mask.numel() == 0:
            return mask
        rows = x.reshape(-1, x.shape[-1]), mask.view(-1, x.shape[-1]), count.reshape(-1).tolist()
        for row, own, wanted in zip(*rows, strict=True):
            most = min(round(wanted), len(row))
            if most < 1:
                continue
            # Sorting takes several times as long.
            least = torch.kthvalue(row, len(row) - most + 1).values
            torch.ge(row, least, out=own)
            surplus = int(own.sum()) - most
            if surplus > 0:  # of equal ones the first
                own[(row == least).nonzero().flatten()[-surplus:]] = False
        return mask

    def wide(x: Array) -> Array:
        return x.to(torch.promote_types(x.dtype, torch.float32))

    return Library(
        name="torch",
        abs=torch.abs,
        sign=sign,
        sqrt=torch.sqrt,
        cos=torch.cos,
        arccos=torch.arccos,
        log1p=torch.log1p,
        where=torch.where,
        clip=torch.clamp,
        sum=total,
        max=largest,
        any=torch.any,
        chosen=chosen,
        floor=torch.floor,
        copy=torch.clone,
        reshape=torch.reshape,
        transpose=torch.permute,
        svd=lambda x: torch.linalg.svd(x, full_matrices=False),
        take=take,
        concatenate=lambda arrays, axis: torch.cat(list(arrays), dim=axis),
        zeros_like=torch.zeros_like,
        cast=cast,
        wide=wide,
        epsilon=lambda x: torch.finfo(x.dtype).eps,
        is_floating=torch.is_floating_point,
        repeat=_repeat_eagerly,
        quiet=contextlib.nullcontext,
    )


def _jax() -> Library:
    import jax
    import jax.core
    import jax.numpy as jnp

    def repeat(body: Callable[[Any], tuple[Any, Any]], state: Any) -> Any:
        if not isinstance(state, jax.core.Tracer):
            return _repeat_eagerly(body, state)  # a loop under `lax` would compile at every call
        loop = jax.lax.while_loop(lambda carried: carried[1], lambda c: body(c[0]), (state, True))
        return loop[0]

    def largest(x: Array, axes: Axes, keepdims: bool = False) -> Array:
        return jnp.max(x, axis=axes, keepdims=keepdims, initial=0)

    def cast(value: Any, like: Array) -> Array:
        with np.errstate(over="ignore"):
            return jnp.asarray(value).astype(like.dtype)

    def svd(x: Array) -> Any:
        return jnp.linalg.svd(x, full_matrices=False)

    return Library(
        name="jax",
        abs=jnp.abs,
        sign=jnp.sign,
        sqrt=jnp.sqrt,
        cos=jnp.cos,
        arccos=jnp.arccos,
        log1p=jnp.log1p,
        where=jnp.where,
        clip=jnp.clip,
        sum=lambda x, axes, keepdims=False: jnp.sum(x, axis=axes, keepdims=keepdims),
        max=largest,
        any=jnp.any,
        chosen=lambda x, count: jnp.argsort(jnp.argsort(-x, -1), -1) < count[..., None],
        floor=jnp.floor,
        copy=jnp.array,
        reshape=jnp.reshape,
        transpose=jnp.transpose,
        svd=svd,
        take=lambda x, index, axis: jnp.take(x, index, axis=axis),
        concatenate=jnp.concatenate,
        zeros_like=jnp.zeros_like,
        cast=cast,
        wide=lambda x: x.astype(jnp.promote_types(x.dtype, jnp.float32)),
        epsilon=lambda x: float(jnp.finfo(x.dtype).eps),
        is_floating=lambda x: bool(jnp.issubdtype(x.dtype, jnp.floating)),
        repeat=repeat,
        quiet=contextlib.nullcontext,
    )


def _tensorflow() -> Library:
    import tensorflow

    tf: Any = tensorflow  # its modules are found at run time, by no type checker

    def repeat(body: Callable[[Any], tuple[Any, Any]], state: Any) -> Any:
        loop = tf.while_loop(
            lambda _, more: more, lambda inner, _: body(inner), (state, tf.constant(True))
        )
        return loop[0]

    def largest(x: Array, axes: Axes, keepdims: bool = False) -> Array:
        if any(x.shape[axis] == 0 for axis in axes):  # TensorFlow's maximum of nothing is −inf
            return tf.reduce_sum(x, axis=axes, keepdims=keepdims)
        return tf.reduce_max(x, axis=axes, keepdims=keepdims)

    def cast(value: Any, like: Array) -> Array:
        if tf.is_tensor(value):
            return tf.cast(value, like.dtype)
        return tf.convert_to_tensor(np.asarray(value), dtype_hint=like.dtype, dtype=like.dtype)

    def chosen(x: Array, count: Array) -> Array:
        order = tf.argsort(x, axis=-1, direction="DESCENDING", stable=True)
        return tf.cast(tf.argsort(order, axis=-1), x.dtype) < count[..., None]

    def wide(x: Array) -> Array:
        return tf.cast(x, tf.float32) if x.dtype.size < 4 else x

    def svd(x: Array) -> tuple[Array, Array, Array]:
        s, u, v = tf.linalg.svd(x)
        return u, s, tf.linalg.matrix_transpose(v)

    return Library(
        name="tensorflow",
        abs=tf.abs,
        sign=tf.sign,
        sqrt=tf.sqrt,
        cos=tf.cos,
        arccos=tf.acos,
        log1p=tf.math.log1p,
        where=tf.where,
        clip=tf.clip_by_value,
        sum=lambda x, axes, keepdims=False: tf.reduce_sum(x, axis=axes, keepdims=keepdims),
        max=largest,
        any=tf.reduce_any,
        chosen=chosen,
        floor=tf.floor,
        copy=tf.identity,
        reshape=tf.reshape,
        transpose=tf.transpose,
        svd=svd,
        take=lambda x, index, axis: tf.gather(x, index, axis=axis),
        concatenate=tf.concat,
        zeros_like=tf.zeros_like,
        cast=cast,
        wide=wide,
        epsilon=lambda x: float(np.finfo(x.dtype.as_numpy_dtype).eps),
        is_floating=lambda x: x.dtype.is_floating,
        repeat=repeat,
        quiet=contextlib.nullcontext,
    )


# The root module of an array's type → the function that builds its table. Extend it here.
LIBRARIES: dict[str, Callable[[], Library]] = {
    "numpy": _numpy,
    "torch": _torch,
    "jax": _jax,
    "jaxlib": _jax,
    "tensorflow": _tensorflow,
}


_OF_TYPE: dict[type, Library | None] = {}  # torch.compile warns of functools.cache
_BUILT: dict[str, Library] = {}


def _library_of_type(kind: type) -> Library | None:
    roots = (base.__module__.partition(".")[0] for base in kind.__mro__)
    root = next((root for root in roots if root in LIBRARIES), None)
    if root is not None and root not in _BUILT:
        _BUILT[root] = LIBRARIES[root]()
    _OF_TYPE[kind] = None if root is None else _BUILT[root]
    return _OF_TYPE[kind]


def library_of(w: Array) -> Library:
    """Return the table of array functions that fits `w`.

    Args:
        w: an array of NumPy, torch or JAX (a tracer of `jax.jit` too).

    Returns:
        The `Library` of the array's framework.

    Raises:
        InputError: `w` is of no known framework (a list, a number).

    >>> library_of(np.ones(3)).name
    'numpy'

    Source: the idea of finding functions from the array is NEP 47's and the array API standard's.
    """
    kind = type(w)
    library = _OF_TYPE[kind] if kind in _OF_TYPE else _library_of_type(kind)
    if library is None:
        raise InputError(
            f"expected an array of {', '.join(sorted(set(LIBRARIES) - {'jaxlib'}))}, got "
            f"{type(w).__name__}: convert it first, for example with numpy.asarray(…, dtype=float)"
        )
    return library


def floating_library(w: Array) -> Library:
    """Return `library_of(w)` after checking that `w` holds real floating point numbers.

    Args:
        w: weights, any shape.

    Returns:
        The `Library` of the array's framework.

    Raises:
        InputError: `w` holds integers, booleans or complex numbers, whose penalties would round.

    >>> floating_library(np.ones(3, dtype=np.float32)).name
    'numpy'
    """
    library = library_of(w)
    if not library.is_floating(w):
        raise InputError(
            f"expected weights of a real floating dtype, got {w.dtype}: convert them first, "
            "for example to float32"
        )
    return library


def is_traced(value: Any) -> bool:
    """Return whether it is a number or an array that JAX or TensorFlow traces, without a value yet.

    >>> is_traced(0.1)
    False
    """
    core: Any = sys.modules.get("jax.core")
    tensorflow: Any = sys.modules.get("tensorflow")
    by_jax = core is not None and isinstance(value, core.Tracer)
    return by_jax or (
        hasattr(tensorflow, "is_symbolic_tensor") and tensorflow.is_symbolic_tensor(value)
    )


def as_number(value: Any) -> Any:
    """Return an array of JAX without axes as a number, and all else as it is.

    >>> as_number(0.1)
    0.1
    """
    jax: Any = sys.modules.get("jax")
    is_scalar = jax is not None and isinstance(value, jax.Array) and value.ndim == 0
    return value.item() if is_scalar and not is_traced(value) else value
