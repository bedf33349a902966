"""A search: the score of every trial over each axis, and the best so far trial by trial."""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.figures import Axis, Kind, LineFigure, PanelFigure, Series, Ticks
from shrinkage.paths.results import PathResult
from shrinkage.paths.results.surfaces import SurfaceAxis, Value
from shrinkage.reports.figures.surface import focus
from shrinkage.reports.reading import chosen_or_none, fold_mean, place_text
from shrinkage.reports.wording import score_wording

LOG_FROM = 10.0
SHOWN_BELOW = 0.3  # at most this share of the trials is on the lower edge


def search_figure(result: PathResult) -> PanelFigure | None:
    """Return a panel for each axis and one for the trials in their order."""
    if result.surface is None or result.surface.is_grid:
        return None
    mean = fold_mean(result.fold_scores)
    low, high = focus(result, mean)
    finite = mean[np.isfinite(mean)]
    low = min(low, float(np.quantile(finite, SHOWN_BELOW))) if len(finite) else low
    pad = 0.06 * (high - low) or 0.01
    limits = (low - pad, high + pad)
    panels = (
        _progress(result, mean, limits),
        *(
            _panel(result, place, axis, mean, limits)
            for place, axis in enumerate(result.surface.axes)
        ),
    )
    wording = score_wording(result.score_name)
    reading = (
        f"Each point is a trial. The best of {len(mean)} is at {place_text(result, result.best)} "
        f"({wording.text(result.best.cv_score)}); a panel in which the points at the top lie close "
        "together is an axis that matters."
    )
    return PanelFigure("search", "Trials of the search", reading, f"Panels. {reading}", panels)


def _progress(result: PathResult, mean: np.ndarray, limits: tuple[float, float]) -> LineFigure:
    trials = np.arange(1, len(mean) + 1, dtype=float)
    best = np.maximum.accumulate(np.nan_to_num(mean, nan=-np.inf))
    series = (
        Series("trial", trials, _inside(mean, limits), "validation", Kind.POINTS),
        Series("best so far", trials, np.maximum(best, limits[0]), "best", Kind.FAINT),
    )
    axis = Axis("trial", counts=True, limits=(0.0, len(mean) + 1.0))
    return _figure(result, "Trial by trial", axis, series, limits)


def _panel(
    result: PathResult, place: int, axis: SurfaceAxis, mean: np.ndarray, limits: tuple[float, float]
) -> LineFigure:
    assert result.surface is not None
    values = [cell[place] for cell in result.surface.cells]
    x, wanted = _axis(axis, values)
    series = [Series("trial", x, _inside(mean, limits), "validation", Kind.POINTS)]
    for role, colour in (("one_standard_error", "simple"), ("best", "best")):
        model = chosen_or_none(result, role)
        if model is not None and model.index is not None:
            spot = x[[model.index]], _inside(mean, limits)[[model.index]]
            label = "best" if role == "best" else "simplest within one standard error"
            series.append(Series(label, *spot, colour, Kind.SPOT))
    return _figure(result, axis.label, wanted, tuple(series), limits)


def _axis(axis: SurfaceAxis, values: list[Value]) -> tuple[np.ndarray, Axis]:
    """Return where each trial is, and the axis: logarithmic, plain, or of words."""
    if any(isinstance(value, str) for value in values):
        names = [str(value) for value in axis.values]
        x = np.array([float(names.index(str(value))) for value in values])
        ticks = Ticks(tuple(map(float, range(len(names)))), tuple(names))
        return x, Axis(axis.label, ticks=ticks, limits=(-0.5, len(names) - 0.5))
    x = np.array(values, dtype=float)
    log = bool(x.min() > 0 and x.max() / x.min() >= LOG_FROM)
    return x, Axis(axis.label, log=log)


def _inside(mean: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Return scores, those below the picture on its edge."""
    return np.maximum(np.nan_to_num(mean, nan=limits[0]), limits[0])


def _figure(
    result: PathResult, title: str, axis: Axis, series: tuple[Series, ...], limits
) -> LineFigure:
    wording = score_wording(result.score_name)
    y = Axis(f"validation {wording.label}", percent=wording.percent, limits=limits)
    return LineFigure("", title, "", "", axis, y, series)
