"""TensorFlow's table of array functions, and what is read from Keras' variables.

Who uses this: everything in this package that calls a penalty. Keras computes with the arrays of
its backend; torch and JAX have their table in `shrinkage.libraries`, TensorFlow's is entered here,
when Keras is loaded and not before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from shrinkage import libraries
from shrinkage.libraries import Array, Axes, Library

ops: Any = keras.ops  # its functions return what no type checker knows


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

    def wide(x: Array) -> Array:
        return tf.cast(x, tf.float32) if x.dtype.size < 4 else x

    return Library(
        name="tensorflow",
        abs=tf.abs,
        sign=tf.sign,
        sqrt=tf.sqrt,
        where=tf.where,
        clip=tf.clip_by_value,
        sum=lambda x, axes, keepdims=False: tf.reduce_sum(x, axis=axes, keepdims=keepdims),
        max=largest,
        any=tf.reduce_any,
        copy=tf.identity,
        zeros_like=tf.zeros_like,
        cast=cast,
        wide=wide,
        epsilon=lambda x: float(np.finfo(x.dtype.as_numpy_dtype).eps),
        is_floating=lambda x: x.dtype.is_floating,
        repeat=repeat,
        quiet=contextlib.nullcontext,
    )


libraries.LIBRARIES.setdefault("tensorflow", _tensorflow)
libraries._library_of_type.cache_clear()  # an array may have been asked about before


def plain(variable: Any) -> Array:
    """Return the numbers of a variable as an array of the backend that nothing differentiates.

    Args:
        variable: a Keras variable, or an array of the backend.

    Returns:
        The array, in the variable's dtype.

    >>> plain(keras.Variable([1.0, 2.0])).shape[0]
    2
    """
    return ops.stop_gradient(ops.convert_to_tensor(variable))


def number(array: Any) -> float:
    """Return a scalar array of the backend as a number.

    Args:
        array: a variable or an array without axes.

    Returns:
        A Python float.

    >>> number(keras.ops.ones(()))
    1.0
    """
    return float(plain(array))
