"""For image data: the first layer's weights as pictures, and the part of the image in use."""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.figures import Mosaic, PictureFigure
from shrinkage.drawing.text import count_text, number_text, share_text
from shrinkage.paths.results import PathResult
from shrinkage.reports.reading import (
    ROLE_LABELS,
    chosen_or_none,
    distinct_roles,
    first_weights,
    strength_label,
)

MOST_UNITS = 24


def first_layer_figure(result: PathResult) -> PictureFigure | None:
    """Return the weights into the units of the first layer, largest norm first, model by model."""
    units = _units_by_role(result)
    if not units:
        return None
    mosaics = tuple(_units_mosaic(result, role, array) for role, array in units.items())
    reading = _units_reading(units)
    return PictureFigure(
        key="first-layer",
        title="What the first layer looks for",
        reading=reading,
        alt=f"Small pictures, one for each unit of the first layer, of "
        f"{', '.join(ROLE_LABELS[role] for role in units)}. {reading}",
        mosaics=mosaics,
        signed=True,
    )


def input_map_figure(result: PathResult) -> PictureFigure | None:
    """Return, pixel by pixel, the norm of the weights that leave it, model by model."""
    units = _units_by_role(result)
    if not units or any(a.shape[1:] != result.image_shape for a in units.values()):
        return None
    maps = {role: np.sqrt((array**2).sum(axis=0)) for role, array in units.items()}
    mosaics = tuple(
        Mosaic(_title(result, role), image[None], float(image.max()))
        for role, image in maps.items()
    )
    unused = ", ".join(
        f"{ROLE_LABELS[role]} {share_text(float((image == 0).mean()))}"
        for role, image in maps.items()
    )
    reading = (
        "Each point is the norm of the weights that leave one pixel: the darker, the more it is "
        f"used. Pixels that no unit looks at: {unused}."
    )
    return PictureFigure(
        key="input-map",
        title="Which part of the image is used",
        reading=reading,
        alt=f"One map of the image for each model. {reading}",
        mosaics=mosaics,
        signed=False,
    )


def unit_pictures(weights: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray | None:
    """Return the weights as pictures, shape (units, height, width), or None where they are none.

    Dense layers have one weight for each pixel; a convolution of one channel has its kernels.

    >>> unit_pictures(np.zeros((5, 12)), (3, 4)).shape, unit_pictures(np.zeros((5, 11)), (3, 4))
    ((5, 3, 4), None)
    >>> unit_pictures(np.zeros((8, 1, 3, 3)), (28, 28)).shape
    (8, 3, 3)
    """
    height, width = image_shape
    if weights.ndim == 2 and weights.shape[1] == height * width:
        return weights.reshape(-1, height, width)
    if weights.ndim == 4 and weights.shape[1] == 1:
        return weights[:, 0]
    return None


def _units_by_role(result: PathResult) -> dict[str, np.ndarray]:
    if result.image_shape is None:
        return {}
    weights_of = {}
    for role in distinct_roles(result):
        weights = first_weights(result, role)
        if weights is not None:
            pictures = unit_pictures(_on_all_pixels(result, weights), result.image_shape)
            if pictures is not None and np.isfinite(pictures).all():
                weights_of[role] = pictures
    return weights_of


def _on_all_pixels(result: PathResult, weights: np.ndarray) -> np.ndarray:
    """Return dense weights with a column of zeros for every pixel that was no input."""
    places = result.pixel_positions
    if result.image_shape is None or places is None or weights.ndim != 2:
        return weights
    if weights.shape[1] != len(places):
        return weights
    pictures = np.zeros((len(weights), result.image_shape[0] * result.image_shape[1]))
    pictures[:, list(places)] = weights
    return pictures


def _units_mosaic(result: PathResult, role: str, units: np.ndarray) -> Mosaic:
    norms = np.sqrt((units**2).sum(axis=(1, 2)))
    order = np.argsort(-norms, kind="stable")[:MOST_UNITS]
    shown = units[order]
    limit = float(np.abs(shown).max())
    return Mosaic(f"{_title(result, role)}\nscale ± {number_text(limit)}", shown, limit)


def _title(result: PathResult, role: str) -> str:
    model = chosen_or_none(result, role)
    if model is None or role == "unregularized":
        return ROLE_LABELS[role]
    return f"{ROLE_LABELS[role]}, {strength_label(result, model)}"


def _units_reading(units: dict[str, np.ndarray]) -> str:
    parts = []
    for role, array in units.items():
        off = int((array.reshape(len(array), -1) == 0).all(axis=1).sum())
        zero = share_text(float((array == 0).mean()))
        said = f"{ROLE_LABELS[role]}: {zero} of the pixels' weights are zero"
        parts.append(said + (f" and {count_text(off, 'unit')} switched off" if off else ""))
    total = len(next(iter(units.values())))
    count = f"the {MOST_UNITS} units of {total}" if total > MOST_UNITS else f"the {total} units"
    return (
        f"Shown are {count} with the largest weights; red adds, blue subtracts, white is zero. "
        f"{'; '.join(parts)}."
    )
