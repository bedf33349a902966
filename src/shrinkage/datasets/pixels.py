"""Tables that hold pictures: recognized by their column names, then kept as bytes."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd

from shrinkage.datasets.dataset import RawRows

_PIXEL = re.compile(r"pixel[_ ]?\d+", re.IGNORECASE)
BRIGHTEST = 255


def image_names(shape: tuple[int, int]) -> tuple[str, ...]:
    """Return the names of the pixels of a picture, row by row.

    >>> image_names((1, 2))
    ('pixel_0_0', 'pixel_0_1')
    """
    return tuple(f"pixel_{row}_{column}" for row in range(shape[0]) for column in range(shape[1]))


def square_shape(count: int) -> tuple[int, int] | None:
    """Return the height and width of a square picture of `count` pixels, or None.

    >>> square_shape(784), square_shape(785)
    ((28, 28), None)
    """
    side = math.isqrt(count)
    return (side, side) if side * side == count and side > 1 else None


def are_bytes(values: np.ndarray) -> bool:
    """Return whether all values are whole numbers from 0 to 255.

    >>> are_bytes(np.array([0.0, 255.0])), are_bytes(np.array([0.5]))
    (True, False)
    """
    if values.dtype == np.uint8:
        return True
    inside = np.all((values >= 0) & (values <= BRIGHTEST))
    return bool(inside) and bool(np.all(values == np.round(values)))


def looks_like_bytes(values: np.ndarray) -> bool:
    """Return whether values are bytes and use the upper half of the range.

    >>> looks_like_bytes(np.array([0, 16], dtype=np.uint8))
    False
    """
    return values.size > 0 and bool(values.max() > BRIGHTEST // 2) and are_bytes(values)


def as_pixels(frame: pd.DataFrame) -> tuple[RawRows, tuple[int, int] | None]:
    """Turn a table into pixels when its columns are called `pixel1`, `pixel2`, … and hold bytes.

    Args:
        frame: typed columns.

    Returns:
        `(uint8 array (n, d), (height, width))` for square pictures, else `(frame, None)`.

    >>> as_pixels(pd.DataFrame({"x": [1.0]}))[1] is None
    True
    """
    shape = square_shape(frame.shape[1])
    if shape is None or not all(_PIXEL.fullmatch(str(name)) for name in frame.columns):
        return frame, None
    if not all(dtype == np.float64 for dtype in frame.dtypes):
        return frame, None
    values = frame.to_numpy()
    if not looks_like_bytes(values):
        return frame, None
    return values.astype(np.uint8), shape
