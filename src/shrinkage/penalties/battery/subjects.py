"""A penalty under test: float64 NumPy in, float64 NumPy out, whatever framework does the work.

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
from shrinkage.penalties.base import Penalty


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


@dataclass(frozen=True)
class Subject:
    """One penalty in one namespace on one shape, with reproducible random arrays."""

    penalty: Penalty
    namespace: Namespace
    shape: tuple[int, ...]
    seed: int

    def rng(self) -> np.random.Generator:
        """Return a fresh generator, the same for every check."""
        return np.random.default_rng(self.seed)

    def weights(self, rng: np.random.Generator, *models: int) -> np.ndarray:
        """Return weights of magnitude 0.1 to 2, away from every kink at 0."""
        shape = (*models, *self.shape)
        return rng.uniform(0.1, 2.0, shape) * rng.choice([-1.0, 1.0], shape)

    def native(self, values: Any) -> Any:
        """Return an array of the namespace in float64; numbers stay numbers."""
        return self.namespace.make(values, "float64") if np.ndim(values) else values

    def value(self, w: np.ndarray, stacked: int = 0) -> np.ndarray:
        """Return the penalty's value."""
        return self._read(self.penalty.value, w, stacked=stacked)

    def gradient(self, w: np.ndarray, stacked: int = 0) -> np.ndarray:
        """Return the penalty's gradient."""
        return self._read(self.penalty.gradient, w, stacked=stacked)

    def prox(self, w: np.ndarray, step: Any, stacked: int = 0) -> np.ndarray:
        """Return the penalty's prox."""
        return self._read(self.penalty.prox, w, step, stacked=stacked)

    def critical_strength(self, gradient: np.ndarray, stacked: int = 0) -> np.ndarray:
        """Return the penalty's critical strength."""
        return self._read(self.penalty.critical_strength, gradient, stacked=stacked)

    def _read(self, method: Callable[..., Array], *arrays: Any, stacked: int) -> np.ndarray:
        native = [self.native(array) for array in arrays]
        return self.namespace.read(self.namespace.call(method, *native, stacked=stacked))
