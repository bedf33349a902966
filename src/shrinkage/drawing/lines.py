"""Curves over one axis, alone or in panels: series, bands, marks, and what explains them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from shrinkage.drawing.figures import Axis, Kind, LineFigure, PanelFigure, Series
from shrinkage.drawing.palette import PALETTE
from shrinkage.drawing.text import strength_text

MANY = 45
ERROR_LABEL = "± one standard error"
NOTHING = "nothing recorded"


def draw(canvas: Canvas, figure: LineFigure) -> Axes:
    """Draw the curves into an empty canvas and return their axes."""
    axes = canvas.add_subplot()
    _fill(axes, figure)
    _legend(canvas, axes, figure)
    return axes


def draw_panels(canvas: Canvas, figure: PanelFigure) -> Axes:
    """Draw the panels into an empty canvas and return the axes of the first."""
    rows = math.ceil(len(figure.panels) / 2)
    places = canvas.subplots(rows, 2, squeeze=False).ravel()
    for axes in places[len(figure.panels) :]:
        axes.set_axis_off()
    for axes, panel in zip(places, figure.panels, strict=False):
        _fill(axes, panel)
        axes.set_title(panel.title, loc="left")
    _legends_of_panels(canvas, places)
    return places[0]


def _fill(axes: Axes, figure: LineFigure) -> None:
    axes.grid(True, axis="y", color=_hex("grid"), linewidth=0.8)
    axes.set_axisbelow(True)
    _scales(axes, figure)
    for band in figure.bands:
        axes.fill_between(
            band.x,
            band.low,
            band.high,
            color=_hex(band.colour),
            alpha=0.18,
            linewidth=0,
            label=band.label or None,
        )
    for mark in figure.horizontals:
        axes.axhline(
            mark.at, color=_hex(mark.colour), linewidth=1.6, linestyle=(0, (6, 3)), label=mark.label
        )
    for series in figure.series:
        _STYLES[series.kind](axes, series)
    for mark in figure.verticals:
        _vertical(axes, mark.at, mark.label, _hex(mark.colour))
    _axis(axes.xaxis, figure.x)
    _axis(axes.yaxis, figure.y)
    if not figure.series:
        axes.text(0.5, 0.5, NOTHING, ha="center", color=_hex("muted"), transform=axes.transAxes)


def _hex(colour: str) -> str:
    return PALETTE[colour].light


def _scales(axes: Axes, figure: LineFigure) -> None:
    axes.set_xscale("log" if figure.x.log else "linear")
    axes.set_yscale("log" if figure.y.log else "linear")
    if figure.x.limits:
        axes.set_xlim(*figure.x.limits)
    if figure.y.limits:
        axes.set_ylim(*figure.y.limits)


def _vertical(axes: Axes, at: float, label: str, colour: str) -> None:
    axes.axvline(at, color=colour, linewidth=1.2, linestyle=(0, (2, 2)), zorder=1.5)
    axes.annotate(
        label,
        (at, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        va="bottom",
        color=colour,
        fontsize=9.5,
        annotation_clip=False,
    )


def _axis(axis, wanted: Axis) -> None:
    axis.set_label_text(wanted.label)
    if wanted.ticks:
        axis.set_major_locator(FixedLocator(list(wanted.ticks.at)))
        axis.set_major_formatter(
            FuncFormatter(lambda _, place: wanted.ticks.labels[place] if wanted.ticks else "")
        )
        axis.set_minor_locator(NullLocator())
        return
    if wanted.log:
        axis.set_major_formatter(FuncFormatter(lambda value, _: strength_text(value)))
        axis.set_minor_formatter(NullFormatter())
        _more_ticks(axis)
    elif wanted.percent:
        axis.set_major_formatter(FuncFormatter(_percent(axis)))
    elif wanted.counts:
        axis.set_major_locator(MaxNLocator(integer=True))


def _more_ticks(axis) -> None:
    """Label 1, 2 and 5 of each decade where decades alone would leave an axis almost bare."""
    low, high = sorted(axis.get_view_interval())
    if np.log10(high / low) < 2.6:
        ticks = [m * 10.0**p for p in range(-12, 13) for m in (1, 2, 5)]
        axis.set_major_locator(FixedLocator([t for t in ticks if low <= t <= high]))
        axis.set_minor_locator(NullLocator())


def _percent(axis) -> Callable[[float, int | None], str]:
    """Label with as many digits as tell the ticks apart: 95.25 % and 95.50 %, 90 % and 95 %."""

    def text(value: float, _: int | None) -> str:
        ticks = 100 * np.asarray(axis.get_majorticklocs())
        digits = next((d for d in range(3) if np.allclose(ticks, ticks.round(d), atol=1e-6)), 3)
        return f"{100 * value:.{digits}f} %"

    return text


def _line(axes: Axes, series: Series) -> None:
    _error_band(axes, series)
    marker = "o" if len(series.x) <= MANY else ""
    axes.plot(
        series.x,
        series.y,
        color=_hex(series.colour),
        linewidth=1.9,
        marker=marker,
        markersize=3.6,
        label=series.label,
        zorder=2.2,
    )


def _dashed(axes: Axes, series: Series) -> None:
    marker = "." if len(series.x) == 1 else ""
    axes.plot(
        series.x,
        series.y,
        color=_hex(series.colour),
        linewidth=1.7,
        marker=marker,
        linestyle=(0, (4, 2)),
        label=series.label,
        zorder=2.1,
    )


def _faint(axes: Axes, series: Series) -> None:
    axes.plot(
        series.x,
        series.y,
        color=_hex(series.colour),
        linewidth=0.8,
        alpha=0.4,
        label=series.label,
    )


def _error_band(axes: Axes, series: Series) -> None:
    if series.error is None:
        return
    axes.fill_between(
        series.x,
        series.y - series.error,
        series.y + series.error,
        color=_hex(series.colour),
        alpha=0.17,
        linewidth=0,
        label=ERROR_LABEL,
    )


def _points(marker: str, size: float, filled: bool) -> Callable[[Axes, Series], None]:
    def draw_points(axes: Axes, series: Series) -> None:
        colour = _hex(series.colour)
        if series.error is not None:
            low, high = series.y - series.error, series.y + series.error
            axes.vlines(series.x, low, high, color=colour, linewidth=5.0, alpha=0.25)
        face = colour if filled else _hex("paper")
        axes.plot(
            series.x,
            series.y,
            linestyle="none",
            marker=marker,
            markersize=size,
            markerfacecolor=face,
            markeredgecolor=colour,
            markeredgewidth=1.6,
            label=series.label,
            zorder=3,
            clip_on=False,
        )

    return draw_points


_STYLES: dict[Kind, Callable[[Axes, Series], None]] = {
    Kind.LINE: _line,
    Kind.DASHED: _dashed,
    Kind.FAINT: _faint,
    Kind.SPOT: _points("o", 9.0, True),
    Kind.POINTS: _points("o", 4.0, True),
    Kind.COLLAPSED: _points("s", 6.5, False),
    Kind.DIVERGED: _points("x", 7.5, True),
    Kind.NOT_CONVERGED: _points("D", 6.0, False),
    Kind.BELOW: _points("v", 6.0, True),
}


def _legend(canvas: Canvas, axes: Axes, figure: LineFigure) -> None:
    """Put the legend under the axes: curves with their bands first, then points, then lines."""
    curves = [s.label for s in figure.series if s.kind in (Kind.LINE, Kind.DASHED)]
    points = [s.label for s in figure.series if s.label not in curves]
    bands = [ERROR_LABEL, *(band.label for band in figure.bands)]
    order = [*curves, *bands, *points, *(mark.label for mark in figure.horizontals)]
    pairs = zip(*axes.get_legend_handles_labels(), strict=True)
    pairs = sorted(pairs, key=lambda pair: order.index(pair[1]))
    if len(pairs) < 2:
        return
    handles, labels = zip(*pairs, strict=True)
    columns = 2 if max(map(len, labels)) > 18 else 3
    canvas.legend(handles, labels, loc="outside lower center", ncols=min(columns, len(labels)))


def _legends_of_panels(canvas: Canvas, places: np.ndarray) -> None:
    """Explain a label of several panels beside them all, and one of a single panel inside it."""
    handles = [dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True)) for axes in places]
    panels_of = Counter(label for panel in handles for label in panel)
    for axes, panel in zip(places, handles, strict=True):
        own = {label: handle for label, handle in panel.items() if panels_of[label] == 1}
        if own:
            axes.legend(own.values(), own.keys(), fontsize=8.5)
    shared = {label: handle for panel in handles for label, handle in panel.items()}
    shared = {label: handle for label, handle in shared.items() if panels_of[label] > 1}
    if shared:
        canvas.legend(shared.values(), shared.keys(), loc="outside right upper", fontsize=8.5)
