"""Maps of the pixels of a picture, where columns are pixels: those that make no input are empty."""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.figures import Mosaic


def pixel_maps(
    maps: dict[str, np.ndarray], places: np.ndarray | None, image_shape: tuple[int, int] | None
) -> tuple[Mosaic, ...]:
    """Return a map of each array of one number a column; none where columns are no pixels.

    Args:
        maps: numbers between 0 and 1 by name, (columns,).
        places: where each column is among all pixels; None: each pixel is a column.
        image_shape: (height, width) where a row is a picture.

    >>> (own,) = pixel_maps({"kept": np.ones(2)}, np.array([0, 3]), (2, 2))
    >>> own.images.tolist()
    [[[1.0, 0.0], [0.0, 1.0]]]
    """
    if image_shape is None:
        return ()
    pixels = image_shape[0] * image_shape[1]
    drawn = []
    for name, values in maps.items():
        where = np.arange(len(values)) if places is None else places
        if len(where) != len(values) or where.max(initial=0) >= pixels:
            return ()
        picture = np.zeros(pixels)
        picture[where] = values
        drawn.append(Mosaic(name, picture.reshape(1, *image_shape), 1.0))
    return tuple(drawn)
