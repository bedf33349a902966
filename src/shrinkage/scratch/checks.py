"""Checks of settings and data, so that a mistake is one line and not a broadcast gone wrong.

Who uses this: the layers, optimizers and the training of this package.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np

from shrinkage.errors import InputError


def whole(value: Any, what: str, least: int = 1) -> int:
    """Return a whole number of at least `least`, or say what came instead.

    >>> whole(3, "epochs")
    3
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise InputError(
            f"expected {what} as a whole number of at least {least}, came {value!r}: give such a "
            "number"
        )
    return int(value)


def number(value: Any, what: str, low: float = 0.0, high: float = math.inf) -> float:
    """Return a number with low <= number < high, or say what came instead.

    >>> number(0.5, "share", 0, 1)
    0.5
    """
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not real or not low <= float(value) < high:
        raise InputError(
            f"expected {what} as a number of at least {low:g} and below {high:g}, came {value!r}: "
            "give such a number"
        )
    return float(value)


def positive(value: Any, what: str) -> float:
    """Return a finite number above 0, or say what came instead.

    >>> positive(1e-3, "learning_rate")
    0.001
    """
    if number(value, what) == 0:
        raise InputError(f"expected {what} above 0, came 0: try a small number such as 1e-3")
    return float(value)


def rows(X: Any, inputs: int, what: str = "X") -> np.ndarray:
    """Return a table of finite numbers with `inputs` columns as float64, or say what came instead.

    >>> rows([[1, 2]], 2)
    array([[1., 2.]])
    """
    try:
        table = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(
            f"expected {what} as numbers, came {type(X).__name__} with something else in it: "
            "encode text as numbers first"
        ) from None
    if table.ndim != 2 or len(table) == 0 or table.shape[1] != inputs:
        raise InputError(
            f"expected {what} of shape (rows, {inputs}), came {table.shape}: give one row a "
            "sample, with as many columns as the first layer has inputs"
        )
    if not np.isfinite(table).all():
        raise InputError(
            f"expected finite numbers in {what}, came NaN or infinity: fill or drop those rows"
        )
    return table
