"""Numbers, models and norms of arrays: what the mathematics of penalties is written with."""

from __future__ import annotations

import math
from typing import Any

from shrinkage.arrays.libraries import Array, Axes, library_of
from shrinkage.checks import is_number, number
from shrinkage.errors import InputError


def model_axes(w: Array, stacked: int = 0) -> Axes:
    """Return the axes of one model, those after the `stacked` leading model axes.

    Args:
        w: array of shape (*models, *weights).
        stacked: how many leading axes run over models, 0 to w.ndim.

    Returns:
        The axes as non-negative ints.

    Raises:
        InputError: `stacked` is no count of leading axes of `w`.

    >>> import numpy as np
    >>> model_axes(np.ones((5, 2, 3)), stacked=1)
    (1, 2)
    """
    if not 0 <= stacked <= w.ndim:
        raise InputError(
            f"expected stacked between 0 and {w.ndim} for an array of shape {tuple(w.shape)}, "
            f"got {stacked}: give the number of leading axes that run over models"
        )
    return tuple(range(stacked, w.ndim))


def _check_number(value: Any, w: Array) -> Any:
    if is_number(value) or value is None or isinstance(value, str):
        number(value, "a step or strength", most=math.inf)
        return value
    return value if hasattr(value, "ndim") else library_of(w).cast(value, w)


def _fitted(value: Array, w: Array, stacked: int) -> Array:
    """Reshape `value` (an array) so that it broadcasts over `w`, without touching its dtype."""
    model_axes(w, stacked)
    if value.ndim == stacked and value.ndim != w.ndim:
        shape = (*tuple(value.shape), *(1,) * (w.ndim - stacked))
        value = library_of(value).reshape(value, shape)
    shape = (1,) * (w.ndim - value.ndim) + tuple(value.shape)
    fits = all(a in (1, b) for a, b in zip(shape, w.shape, strict=False))
    if value.ndim not in (0, w.ndim) or not fits:
        raise InputError(
            f"expected a number, one per model of shape {tuple(w.shape[:stacked])}, or one per "
            f"weight of shape {tuple(w.shape)}, got shape {tuple(value.shape)}: reshape it"
        )
    return value


def per_model(value: Any, w: Array, stacked: int = 0) -> Array:
    """Return `value` in the dtype of `w`, shaped so that it broadcasts over `w`.

    Args:
        value: a number, an array with one number per model (w.shape[:stacked]), or one number per
            weight (w.ndim axes, broadcastable to w.shape).
        w: array of shape (*models, *weights).
        stacked: how many leading axes of `w` run over models.

    Returns:
        An array of the framework, dtype and device of `w`.

    Raises:
        InputError: a negative number, or a shape that fits neither models nor weights.

    >>> import numpy as np
    >>> per_model([0.1, 0.2], np.ones((2, 3), dtype=np.float32), stacked=1).shape
    (2, 1)
    """
    value = _check_number(value, w)
    library = library_of(w)
    if is_number(value):
        return library.cast(float(value), w)
    return _fitted(library.cast(value, w), w, stacked)


def product(first: Any, second: Any, w: Array, stacked: int = 0) -> Any:
    """Return first · second, each a number, one per model or one per weight, to use with `w`.

    Numbers are multiplied as Python numbers, arrays in the dtype of `w`; 0 · inf is 0, since a
    strength of 0 does nothing at any learning rate.

    Args:
        first: a number, one per model, or one per weight.
        second: the same.
        w: array of shape (*models, *weights).
        stacked: how many leading axes of `w` run over models.

    Returns:
        A Python float when both are numbers, else an array that broadcasts over `w`.

    Raises:
        InputError: a negative number, or a shape that fits neither models nor weights.

    >>> import numpy as np
    >>> product(0.5, 0.25, np.ones(3))
    0.125
    >>> product(np.array([1.0, 2.0]), 0.5, np.ones((2, 3)), stacked=1).ravel()
    array([0.5, 1. ])
    """
    first, second = _check_number(first, w), _check_number(second, w)
    if is_number(first) and is_number(second):
        return float(first) * float(second) if first and second else 0.0
    first, second = per_model(first, w, stacked), per_model(second, w, stacked)
    library = library_of(w)
    with library.quiet():
        multiplied = first * second
    return library.where((first == 0) | (second == 0), library.cast(0.0, w), multiplied)


def kept_where_zero(step: Array, w: Array, moved: Array) -> Array:
    """Return `moved`, except where `step` is 0: there `w`, bit for bit (−0.0 included).

    Args:
        step: what the move was made with, broadcastable to `w`.
        w: the weights before.
        moved: the weights after, of the shape and dtype of `w`.

    Returns:
        A new array.

    >>> import numpy as np
    >>> kept_where_zero(np.array([0.0, 1.0]), np.array([-0.0, 3.0]), np.array([0.0, 2.0]))
    array([-0.,  2.])
    """
    return library_of(w).where(step == 0, w, moved)


def positive_zeros(x: Array) -> Array:
    """Return `x` with every −0.0 replaced by +0.0.

    Args:
        x: any array.

    Returns:
        A new array. (Adding 0.0 would do, did XLA not simplify that away.)

    >>> import numpy as np
    >>> positive_zeros(np.array([-0.0, -1.0]))
    array([ 0., -1.])
    """
    library = library_of(x)
    return library.where(x == 0, library.zeros_like(x), x)


def scaled_by_largest(w: Array, axes: Axes) -> tuple[Array, Array]:
    """Return (w / s, s) with s the largest magnitude over `axes`, 1 where that is 0 or not finite.

    Args:
        w: any array.
        axes: the axes of one group.

    Returns:
        The scaled array, whose squares cannot overflow, and the scale with those axes kept as 1.

    >>> import numpy as np
    >>> scaled_by_largest(np.array([0.0, -4e200]), (0,))
    (array([ 0., -1.]), array([4.e+200]))

    Source: the scaling of BLAS dnrm2 (Lawson et al. 1979), without its single pass.
    """
    library = library_of(w)
    largest = library.max(library.abs(w), axes, keepdims=True)
    scale = library.where((largest > 0) & (largest < math.inf), largest, library.cast(1.0, w))
    return w / scale, scale


def norm(w: Array, axes: Axes, keepdims: bool = False) -> Array:
    """Return √Σw² over `axes`, without overflow for 1e200 or underflow for 1e−200.

    Args:
        w: any array.
        axes: the axes to sum over; `()` gives |w|.
        keepdims: keep the summed axes with length 1.

    Returns:
        The norms, in the dtype of `w`.

    >>> import numpy as np
    >>> print(f"{norm(np.array([3e200, 4e200]), (0,)):.6g}")
    5e+200

    Source: the scaling of BLAS dnrm2 (Lawson et al. 1979), without its single pass.
    """
    library = library_of(w)
    scaled, scale = scaled_by_largest(w, axes)
    lengths = scale * library.sqrt(library.sum(scaled * scaled, axes, keepdims=True))
    # The other axes of `scale` are kept as 1; summing over them drops them without a copy.
    return lengths if keepdims else library.sum(lengths, axes)
