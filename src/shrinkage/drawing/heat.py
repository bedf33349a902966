"""A heat map: a colour and a number a cell, a line around some, points on the chosen ones."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure as Canvas
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath
from matplotlib.ticker import FuncFormatter

from shrinkage.drawing.figures import CellMark, HeatFigure, Kind
from shrinkage.drawing.palette import PALETTE

COLOURS = "YlGnBu"
SHARE = 0.82
"""Of the colours, the darkest of which would hide what is drawn on them."""

# Text on a cell keeps its colour on a dark page, as the cell does: neither is in the palette.
DARK_TEXT, LIGHT_TEXT, NO_VALUE = "#10151d", "#fcfdfe", "#d9dce1"
LEAST_CONTRAST = 0.45
RAISED = 0.2  # points and lines stand above the text of a cell
CELL_WIDTH, CELL_HEIGHT = 0.72, 0.46
MOST_WIDTH, LEAST_WIDTH = 12.0, 5.6
BESIDE = 5.0  # of a label of the legend: handle and gaps, in sizes of its font
LINE = 0.22  # of the legend, in inches


def size(figure: HeatFigure) -> tuple[float, float]:
    """Return width and height in inches."""
    rows, columns = figure.values.shape
    width = min(MOST_WIDTH, max(LEAST_WIDTH, 2.1 + CELL_WIDTH * columns))
    return width, 1.75 + CELL_HEIGHT * max(rows, 3)


def draw(canvas: Canvas, figure: HeatFigure) -> Axes:
    """Draw the map into an empty canvas and return its axes."""
    axes = canvas.add_subplot()
    rows, columns = figure.values.shape
    low, high = figure.limits
    norm = Normalize(low, high if high > low else low + 1.0, clip=True)
    colours = matplotlib.colormaps[COLOURS]
    shown = np.where(np.isfinite(figure.values), norm(figure.values) * SHARE, np.nan)
    mesh = axes.pcolormesh(
        np.arange(columns + 1) - 0.5,
        np.arange(rows + 1) - 0.5,
        np.ma.masked_invalid(shown),
        cmap=colours,
        vmin=0.0,
        vmax=1.0,
        edgecolors=PALETTE["paper"].light,
        linewidth=0.8,
    )
    axes.set_facecolor(NO_VALUE)
    _texts(axes, figure, shown, colours)
    handles = [*_outline(axes, figure), *_ridge(axes, figure)]
    handles += [_mark(axes, mark) for mark in figure.marks]
    _sides(axes, figure)
    _bar(canvas, axes, mesh, figure, norm)
    if handles:
        _legend(canvas, handles)
    return axes


def _legend(canvas: Canvas, handles: Sequence[Artist]) -> None:
    """Put the legend under the map: in two columns, in one where these would be cut."""
    font = FontProperties(size=matplotlib.rcParams["legend.fontsize"])
    labels = [str(handle.get_label()) for handle in handles]
    points = [TextPath((0, 0), label, prop=font).get_extents().width for label in labels]
    half = -(-len(labels) // 2)
    both = sum(max(own) + BESIDE * font.get_size() for own in (points[:half], points[half:]) if own)
    fits = both < 72 * canvas.get_figwidth()
    if not fits:
        canvas.set_figheight(canvas.get_figheight() + LINE * (len(labels) - half))
    canvas.legend(handles=handles, loc="outside lower center", ncols=2 if fits else 1)


def _texts(axes: Axes, figure: HeatFigure, shown: np.ndarray, colours) -> None:
    rows, columns = figure.values.shape
    fits = (figure_width(columns) - 2.1) / columns
    fontsize = min(9.5, 13.5 * fits)
    marked = {(mark.row, mark.column) for mark in figure.marks}
    marked |= {(row, column) for column, row in figure.ridge[1]} if figure.ridge else set()
    for row in range(rows):
        for column in range(columns):
            level = shown[row, column]
            light = np.isfinite(level) and _luminance(colours(level)) < LEAST_CONTRAST
            axes.text(
                column,
                row - (0.19 if (row, column) in marked else 0.0),
                figure.texts[row][column],
                ha="center",
                va="center",
                fontsize=fontsize,
                color=LIGHT_TEXT if light else DARK_TEXT,
            )


def figure_width(columns: int) -> float:
    """Return the width in inches of a map of so many columns."""
    return min(MOST_WIDTH, max(LEAST_WIDTH, 2.1 + CELL_WIDTH * columns))


def _luminance(colour: tuple[float, float, float, float]) -> float:
    red, green, blue, _ = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _outline(axes: Axes, figure: HeatFigure) -> list[Line2D]:
    """Draw a line between the cells that are inside and those that are not."""
    if figure.outlined is None or not figure.outlined[1].any():
        return []
    label, inside = figure.outlined
    colour = PALETTE["simple"].light
    for first, second in _borders(inside):
        places = zip(first, second, strict=True)
        axes.plot(*places, color=colour, linewidth=2.4, zorder=2.5, clip_on=False)
    return [Line2D([], [], color=colour, linewidth=2.4, label=label)]


def _borders(inside: np.ndarray) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Return the two ends of each side between a cell that is inside and one that is not.

    >>> len(_borders(np.array([[True, True]])))
    6
    """
    padded = np.pad(inside, 1)
    sides = []
    for row, column in np.argwhere(padded[:, 1:] != padded[:, :-1]).tolist():
        x, y = column - 0.5, row - 1.0
        sides.append(((x, y - 0.5), (x, y + 0.5)))
    for row, column in np.argwhere(padded[1:] != padded[:-1]).tolist():
        x, y = column - 1.0, row - 0.5
        sides.append(((x - 0.5, y), (x + 0.5, y)))
    return sides


def _ridge(axes: Axes, figure: HeatFigure) -> list[Line2D]:
    """Draw a small ring on each cell of the ridge; a line would go through the numbers."""
    if figure.ridge is None or len(figure.ridge[1]) < 2:
        return []
    label, places = figure.ridge
    columns, rows = np.array(places).T
    ring = {"linestyle": "none", "marker": "o", "markersize": 5.5, "markeredgewidth": 1.4}
    face = {"markerfacecolor": LIGHT_TEXT, "markeredgecolor": DARK_TEXT}
    axes.plot(columns, rows + RAISED, zorder=2.7, **ring, **face)  # type: ignore[arg-type]
    face["markeredgecolor"] = PALETTE["muted"].light
    return [Line2D([], [], label=label, **ring, **face)]  # type: ignore[arg-type]


def _mark(axes: Axes, mark: CellMark) -> Line2D:
    colour = PALETTE[mark.colour].light
    filled = mark.kind is Kind.SPOT
    style = {
        "linestyle": "none",
        "marker": "o" if filled else "D",
        "markersize": 9.0 if filled else 8.0,
        "markerfacecolor": colour,
        "markeredgecolor": LIGHT_TEXT,
        "markeredgewidth": 1.8,
    }
    axes.plot([mark.column], [mark.row + RAISED], zorder=3, **style)  # type: ignore[arg-type]
    return Line2D([], [], label=mark.label, **{**style, "markeredgewidth": 0.0})  # type: ignore[arg-type]


def _sides(axes: Axes, figure: HeatFigure) -> None:
    rows, columns = figure.values.shape
    axes.set_xticks(range(columns), figure.x.names, fontsize=9.0)
    axes.set_yticks(range(rows), figure.y.names, fontsize=9.0)
    axes.tick_params(length=0)
    axes.set_xlabel(figure.x.label)
    axes.set_ylabel(figure.y.label)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _bar(canvas: Canvas, axes: Axes, mesh, figure: HeatFigure, norm: Normalize) -> None:
    """Draw what the colours mean; a pointed end says that lower values look alike."""
    below = bool(np.nanmin(figure.values, initial=np.inf) < figure.limits[0])
    bar = canvas.colorbar(mesh, ax=axes, pad=0.015, extend="min" if below else "neither")
    bar.ax.set_ylim(0.0, SHARE)
    bar.set_label(figure.value_label)
    bar.outline.set_visible(False)  # type: ignore[union-attr]
    places = np.linspace(0.0, SHARE, 5)
    bar.set_ticks(list(places))

    def text(place: float, _: int | None) -> str:
        value = float(norm.inverse(place / SHARE))
        return f"{100 * value:.1f} %" if figure.percent else f"{value:.3g}"

    bar.ax.yaxis.set_major_formatter(FuncFormatter(text))
