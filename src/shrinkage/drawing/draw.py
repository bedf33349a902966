"""Draw a figure's data with matplotlib: PNG for files, SVG for the page.

No interactive window and no lasting change of
matplotlib's settings: a person's own style neither leaks in nor is touched. Text from data is
never read as mathematics, and a letter that the font lacks is drawn as a box, not as a warning.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.image import imsave

from shrinkage.drawing import bars, heat, lines, pictures
from shrinkage.drawing.figures import (
    BarFigure,
    Figure,
    HeatFigure,
    LineFigure,
    PanelFigure,
    PictureFigure,
)
from shrinkage.drawing.palette import PALETTE

PNG_DPI = 180
TITLE_INCHES = 0.35
MOSAIC_INCHES = 3.35
_INK, _MUTED = PALETTE["ink"].light, PALETTE["muted"].light
_SETTINGS = {
    "text.parse_math": False,
    "text.usetex": False,
    "svg.fonttype": "none",
    "svg.image_inline": True,
    "font.family": ["DejaVu Sans"],
    "font.size": 10.5,
    "axes.labelsize": 10.5,
    "axes.titlesize": 11.0,
    "axes.titley": 1.0,  # where it would be anyway: to look for ticks above costs a sixth of a page
    "xtick.labelsize": 10.0,
    "ytick.labelsize": 10.0,
    "legend.fontsize": 10.0,
    "text.color": _INK,
    "axes.edgecolor": _MUTED,
    "axes.labelcolor": _INK,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.9,
    "legend.frameon": False,
    "savefig.facecolor": "auto",
}


@dataclass(frozen=True)
class Drawing:
    """An SVG as matplotlib wrote it, and where the data lie in it.

    `x_of` turns a place on the horizontal axis into SVG units; `top` and `bottom` bound the axes.
    """

    svg: str
    x_of: Callable[[float], float]
    top: float
    bottom: float


def draw_png(figure: Figure) -> bytes:
    """Return the figure as PNG on white, with its title, to stand alone.

    Args:
        figure: the data of a figure.

    >>> import numpy as np
    >>> from shrinkage.drawing.figures import BarFigure, Bars
    >>> groups = (Bars("best", np.array([1.0, 2.0]), "best"),)
    >>> draw_png(BarFigure("sizes", "Sizes", "", "", "size", ("a", "b"), groups))[:4]
    b'\\x89PNG'
    """
    with _own_settings(figure.key):
        return _png_of(draw_figure(figure))()


def draw_figure(figure: Figure) -> Canvas:
    """Return the figure as matplotlib's own, on white, with its title.

    Args:
        figure: the data of a figure.
    """
    with _own_settings(figure.key):
        canvas, _ = _fill(figure)
        canvas.set_figheight(canvas.get_figheight() + TITLE_INCHES)
        _entitle(canvas, figure)
        FigureCanvasAgg(canvas)
    return canvas


def draw_svg(figure: Figure) -> Drawing:
    """Return the figure as SVG on a transparent ground, without its title.

    Args:
        figure: the data of a figure.

    >>> import numpy as np
    >>> from shrinkage.drawing.figures import BarFigure, Bars
    >>> groups = (Bars("best", np.array([1.0, 2.0]), "best"),)
    >>> "</svg>" in draw_svg(BarFigure("sizes", "Sizes", "", "", "size", ("a", "b"), groups)).svg
    True
    """
    with _own_settings(figure.key):
        return _svg_of(*_fill(figure))


def draw_both(figure: Figure) -> tuple[Drawing, Callable[[], bytes]]:
    """Return what `draw_svg` does, and what gives the same picture as PNG with its title above.

    It is laid out once for both, which is half of the work. The PNG is drawn and only has to be
    compressed, which another thread may do: that lets go of Python's lock.

    Args:
        figure: the data of a figure.
    """
    with _own_settings(figure.key):
        canvas, axes = _fill(figure)
        drawing = _svg_of(canvas, axes)
        canvas.set_layout_engine("none")
        height = canvas.get_figheight()
        share = height / (height + TITLE_INCHES)
        for own in canvas.axes:
            x, y, wide, high = own.get_position(original=True).bounds
            own.set_position((x, y * share, wide, high * share))
        canvas.set_figheight(height + TITLE_INCHES)
        canvas.patch.set_alpha(None)
        _entitle(canvas, figure)
        return drawing, _png_of(canvas)


def _entitle(canvas: Canvas, figure: Figure) -> None:
    """Put the title above and paper below."""
    canvas.suptitle(figure.title, fontsize=12.5, fontweight="bold", color=_INK)
    canvas.set_facecolor(PALETTE["paper"].light)


def _png_of(canvas: Canvas) -> Callable[[], bytes]:
    """Return what gives the file that `savefig` writes, drawn once and not before to lay it out."""
    canvas.set_dpi(PNG_DPI)
    agg = FigureCanvasAgg(canvas)
    agg.draw()
    pixels: Any = agg.buffer_rgba()
    bare: Any = {"Software": None}

    def compressed() -> bytes:
        buffer = io.BytesIO()
        imsave(buffer, pixels, format="png", origin="upper", dpi=PNG_DPI, metadata=bare)
        return buffer.getvalue()

    return compressed


def _svg_of(canvas: Canvas, axes: Axes) -> Drawing:
    canvas.patch.set_alpha(0.0)
    buffer = io.StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    FigureCanvasSVG(canvas).print_svg(buffer, metadata=metadata)
    per_point = 72.0 / canvas.dpi
    height = canvas.get_figheight() * 72.0
    box = axes.get_window_extent()
    to_pixels: Any = axes.get_xaxis_transform().frozen()  # the canvas may go on to be a PNG
    return Drawing(
        svg=buffer.getvalue(),
        x_of=lambda x: float(to_pixels.transform((x, 0.0))[0]) * per_point,
        top=height - box.y1 * per_point,
        bottom=height - box.y0 * per_point,
    )


@contextmanager
def _own_settings(salt: str) -> Iterator[None]:
    """Set everything that matters to a drawing, and put back what was there before."""
    settings = {**_SETTINGS, "svg.hashsalt": salt}
    with matplotlib.style.context(["default", settings]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


@singledispatch
def _fill(figure: Figure) -> tuple[Canvas, Axes]:
    raise TypeError(f"expected a figure's data, got {type(figure).__name__}")


@_fill.register
def _(figure: LineFigure) -> tuple[Canvas, Axes]:
    canvas = _canvas(*((7.8, 4.9) if figure.wide else (6.7, 4.6)))
    return canvas, lines.draw(canvas, figure)


@_fill.register
def _(figure: PanelFigure) -> tuple[Canvas, Axes]:
    canvas = _canvas(12.0, 3.75 * math.ceil(len(figure.panels) / 2))
    return canvas, lines.draw_panels(canvas, figure)


@_fill.register
def _(figure: BarFigure) -> tuple[Canvas, Axes]:
    return (canvas := _canvas(6.7, 1.5 + 0.25 * len(figure.names))), bars.draw(canvas, figure)


@_fill.register
def _(figure: PictureFigure) -> tuple[Canvas, Axes]:
    width = MOSAIC_INCHES * len(figure.mosaics)
    canvas = _canvas(width, pictures.height(figure, width))
    return canvas, pictures.draw(canvas, figure)


@_fill.register
def _(figure: HeatFigure) -> tuple[Canvas, Axes]:
    canvas = _canvas(*heat.size(figure))
    return canvas, heat.draw(canvas, figure)


def _canvas(width: float, height: float) -> Canvas:
    return Canvas(figsize=(width, height), layout="constrained")
