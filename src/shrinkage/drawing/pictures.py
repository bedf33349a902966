"""Panels of small pictures, each panel one mosaic on a scale of its own, centred at zero."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.layout_engine import ConstrainedLayoutEngine

from shrinkage.drawing.figures import Panel, PictureFigure

SIGNED, UNSIGNED = "RdBu_r", "Blues"
MARGIN, TITLE_LINE = 0.15, 0.22


def height(figure: PictureFigure, width: float) -> float:
    """Return the height in inches at which the panels fill a width."""
    mosaics = [mosaic(panel.images) for panel in figure.panels]
    each = width / len(mosaics)
    lines = max(panel.title.count("\n") + 1 for panel in figure.panels)
    return MARGIN + lines * TITLE_LINE + max(each * m.shape[0] / m.shape[1] for m in mosaics)


def draw(canvas: Canvas, figure: PictureFigure) -> Axes:
    """Draw the panels side by side and return the last axes."""
    count = len(figure.panels)
    layout = canvas.get_layout_engine()
    if isinstance(layout, ConstrainedLayoutEngine):
        layout.set(wspace=0.05)
    axes = canvas.add_subplot(1, count, 1)
    for place, panel in enumerate(figure.panels, start=1):
        axes = axes if place == 1 else canvas.add_subplot(1, count, place)
        _panel(axes, panel, figure.signed)
    return axes


def mosaic(images: np.ndarray) -> np.ndarray:
    """Return pictures as one array of rows and columns, NaN between them.

    Args:
        images: shape (pictures, height, width).

    >>> mosaic(np.ones((3, 2, 2))).shape
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


def _panel(axes: Axes, panel: Panel, signed: bool) -> None:
    limit = panel.limit or 1.0
    axes.imshow(
        np.ma.masked_invalid(mosaic(panel.images)),
        cmap=SIGNED if signed else UNSIGNED,
        vmin=-limit if signed else 0.0,
        vmax=limit,
        interpolation="none",
    )
    axes.set_title(panel.title, fontsize=10.5)
    axes.set_axis_off()
