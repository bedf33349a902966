"""The frameworks in which the battery runs: how each makes arrays and reads them back.

Who uses this: the battery, whose checks are then written once, in NumPy. Unlike the rest of the
package it imports the framework that it is asked for, since nobody has made an array yet.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.arrays import Array
from shrinkage.errors import InputError, near_names


@dataclass(frozen=True)
class Namespace:
    """How the battery makes arrays of one framework and reads them back."""

    name: str
    dtypes: tuple[str, ...]  # the ones in which the penalty must keep the dtype
    make: Callable[[Any, str], Array]
    read: Callable[[Array], np.ndarray]
    dtype_of: Callable[[Array], str]
    shares_memory: Callable[[Array, Array], bool]
    call: Callable[..., Array]  # call(method, *arrays, stacked): compiled where users compile
    double: Callable[[], contextlib.AbstractContextManager[Any]]  # float64 inside is float64


def _call_directly(method: Callable[..., Array], *arrays: Any, stacked: int) -> Array:
    return method(*arrays, stacked=stacked)


def _numpy() -> Namespace:
    return Namespace(
        name="numpy",
        dtypes=("float32", "float64"),
        make=lambda values, dtype: np.array(values, dtype=dtype),
        read=lambda array: np.array(array, dtype=np.float64),
        dtype_of=lambda array: str(array.dtype),
        shares_memory=np.shares_memory,
        call=_call_directly,
        double=contextlib.nullcontext,
    )


def _torch() -> Namespace:
    import torch

    def read(array: Array) -> np.ndarray:
        return array.detach().to(device="cpu", dtype=torch.float64).numpy().copy()

    def shares_memory(first: Array, second: Array) -> bool:
        return first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr()

    return Namespace(
        name="torch",
        dtypes=("bfloat16", "float32", "float64"),
        make=lambda values, dtype: torch.tensor(np.asarray(values), dtype=getattr(torch, dtype)),
        read=read,
        dtype_of=lambda array: str(array.dtype).removeprefix("torch."),
        shares_memory=shares_memory,
        call=_call_directly,
        double=contextlib.nullcontext,
    )


def _jax() -> Namespace:
    import jax
    import jax.numpy as jnp

    @functools.cache
    def compiled(method: Callable[..., Array]) -> Callable[..., Array]:
        return jax.jit(method, static_argnames="stacked")

    def call(method: Callable[..., Array], *arrays: Any, stacked: int) -> Array:
        return compiled(method)(*arrays, stacked=stacked)

    return Namespace(
        name="jax",
        dtypes=("bfloat16", "float32", "float64"),
        make=lambda values, dtype: jnp.array(np.asarray(values), dtype=dtype),
        read=lambda array: np.array(array, dtype=np.float64),
        dtype_of=lambda array: str(array.dtype),
        shares_memory=lambda *_: False,  # JAX arrays cannot be written to
        call=call,
        double=lambda: jax.enable_x64(True),
    )


NAMESPACES: dict[str, Callable[[], Namespace]] = {"numpy": _numpy, "torch": _torch, "jax": _jax}


def namespace_named(name: str) -> Namespace:
    """Return the namespace with this name, importing its framework.

    Args:
        name: "numpy", "torch" or "jax".

    Returns:
        The `Namespace`.

    Raises:
        InputError: an unknown name.
        ModuleNotFoundError: the framework is not installed.

    >>> namespace_named("numpy").dtypes
    ('float32', 'float64')
    """
    if name not in NAMESPACES:
        hint = near_names(str(name), NAMESPACES) or "choose one of those"
        raise InputError(f"expected a namespace of {', '.join(NAMESPACES)}, got {name!r}: {hint}")
    return NAMESPACES[name]()
