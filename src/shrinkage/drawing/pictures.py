"""Small pictures side by side in mosaics, each on a scale of its own, centred at zero."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.layout_engine import ConstrainedLayoutEngine

from shrinkage.drawing.figures import Mosaic, PictureFigure

SIGNED, UNSIGNED = "RdBu_r", "Blues"
MARGIN, TITLE_LINE = 0.15, 0.22


def height(figure: PictureFigure, width: float) -> float:
    """Return the height in inches at which the mosaics fill a width."""
    sheets = [sheet_of(mosaic.images) for mosaic in figure.mosaics]
    each = width / len(sheets)
    lines = max(mosaic.title.count("\n") + 1 for mosaic in figure.mosaics)
    return MARGIN + lines * TITLE_LINE + max(each * s.shape[0] / s.shape[1] for s in sheets)


def draw(canvas: Canvas, figure: PictureFigure) -> Axes:
    """Draw the mosaics side by side and return the last axes."""
    layout = canvas.get_layout_engine()
    if isinstance(layout, ConstrainedLayoutEngine):
        layout.set(wspace=0.05)
    row = canvas.subplots(1, len(figure.mosaics), squeeze=False)[0]
    for axes, mosaic in zip(row, figure.mosaics, strict=True):
        _draw_mosaic(axes, mosaic, figure.signed)
    return row[-1]


def sheet_of(images: np.ndarray) -> np.ndarray:
    """Return pictures as one array of rows and columns, NaN between them.

    Args:
        images: shape (pictures, height, width).

    >>> sheet_of(np.ones((3, 2, 2))).shape
    (5, 5)
    """
    count, tall, wide = images.shape
    columns = min(count, max(2, math.floor(math.sqrt(count))))
    rows = math.ceil(count / columns)
    gap = max(1, round(tall / 14)) if count > 1 else 0
    sheet = np.full((rows * (tall + gap) - gap, columns * (wide + gap) - gap), np.nan)
    for place, image in enumerate(images):
        top, left = (place // columns) * (tall + gap), (place % columns) * (wide + gap)
        sheet[top : top + tall, left : left + wide] = image
    return sheet


def _draw_mosaic(axes: Axes, mosaic: Mosaic, signed: bool) -> None:
    limit = mosaic.limit or 1.0
    axes.imshow(
        np.ma.masked_invalid(sheet_of(mosaic.images)),
        cmap=SIGNED if signed else UNSIGNED,
        vmin=-limit if signed else 0.0,
        vmax=limit,
        interpolation="none",
    )
    axes.set_title(mosaic.title, fontsize=10.5)
    axes.set_axis_off()
