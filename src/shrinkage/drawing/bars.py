"""Names down the side, values across: the first model as bars, the others as points on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from shrinkage.drawing.figures import BarFigure
from shrinkage.drawing.palette import PALETTE


def draw(canvas: Canvas, figure: BarFigure) -> Axes:
    """Draw bars and points into an empty canvas and return their axes."""
    axes = canvas.add_subplot()
    places = np.arange(len(figure.names))[::-1]
    first, *others = figure.groups
    colour = PALETTE[first.colour].light
    handles: list[Any] = [
        axes.barh(places, first.values, height=0.62, color=colour, alpha=0.85, label=first.label)
    ]
    for group, marker in zip(others, "Do", strict=False):
        edge = PALETTE[group.colour].light
        face = edge if marker == "D" else PALETTE["paper"].light
        handles += axes.plot(
            group.values,
            places,
            linestyle="none",
            marker=marker,
            markersize=5.0,
            markerfacecolor=face,
            markeredgecolor=edge,
            markeredgewidth=1.4,
            label=group.label,
            zorder=3,
        )
    for mark in figure.verticals:
        line = PALETTE[mark.colour].light
        handles.append(axes.axvline(mark.at, color=line, linestyle="--", label=mark.label))
    axes.axvline(0.0, color=PALETTE["muted"].light, linewidth=0.9)
    axes.grid(True, axis="x", color=PALETTE["grid"].light, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_yticks(places, figure.names)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.6, len(figure.names) - 0.4)
    axes.set_xlabel(figure.value_label)
    canvas.legend(handles=handles, loc="outside lower center", ncols=2)
    return axes
