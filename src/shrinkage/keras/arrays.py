"""What is read from Keras' variables: arrays of its backend.

Who uses this: everything in this package that calls a penalty, which finds the functions of the
backend's arrays in `shrinkage.arrays`.
"""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np

from shrinkage.arrays import Array

ops: Any = keras.ops  # its functions return what no type checker knows


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


def as_numpy(variable: Any) -> np.ndarray:
    """Return a copy of a variable's numbers; a torch tensor is asked itself.

    >>> as_numpy(keras.Variable([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """
    array = plain(variable)
    if keras.backend.backend() == "torch":
        return array.numpy(force=True).copy()
    return np.array(array)


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


def config_of(optimizer: Any) -> dict[str, Any]:
    """Return an optimizer's configuration as numbers, without Keras' own warning.

    Keras 3.15 on torch asks NumPy 2 for an array in the way of NumPy 1.

    >>> round(config_of(keras.optimizers.SGD(0.5))["learning_rate"], 3)
    0.5
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        return dict(optimizer.get_config())
