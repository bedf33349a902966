"""Figures as data, one palette, and matplotlib's drawing of them as PNG and SVG.

Who uses this: whatever has numbers to show, the reports and the ledger among them. It promises that
a figure is data first (`figures.py`), that the same data give the same bytes, that one colour has
one meaning (`palette.py`), and that nothing here knows what the numbers are of. The data need NumPy
only; drawing loads matplotlib when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shrinkage.drawing.figures import (
    Axis,
    Band,
    BarFigure,
    Bars,
    CellMark,
    Figure,
    HeatFigure,
    Kind,
    LineFigure,
    Mark,
    Mosaic,
    Names,
    PanelFigure,
    PictureFigure,
    Series,
    Ticks,
)
from shrinkage.extras import needs

if TYPE_CHECKING:
    from shrinkage.drawing.draw import draw_figure, draw_png, draw_svg

__all__ = [
    "Axis",
    "Band",
    "BarFigure",
    "Bars",
    "CellMark",
    "Figure",
    "HeatFigure",
    "Kind",
    "LineFigure",
    "Mark",
    "Mosaic",
    "Names",
    "PanelFigure",
    "PictureFigure",
    "Series",
    "Ticks",
    "draw_figure",
    "draw_png",
    "draw_svg",
]


def __getattr__(name: str) -> Any:
    if name in ("draw_figure", "draw_png", "draw_svg"):
        with needs("reports", "matplotlib"):
            from shrinkage.drawing import draw

        return getattr(draw, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
