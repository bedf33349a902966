"""A surface as heat maps: the score with both choices, the loss, and the zeros.

The colours end where the choice can be seen: cells with far worse scores look alike, as they do in
the score figure of a path. Of three axes the first two are drawn, each cell the best along the
third.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shrinkage.drawing.figures import CellMark, HeatFigure, Kind, Names
from shrinkage.drawing.text import number_text, share_text
from shrinkage.paths.results import PathResult
from shrinkage.paths.results.surfaces import Surface, SurfaceAxis
from shrinkage.reports.penalties_told import AXIS
from shrinkage.reports.reading import chosen_or_none, fold_mean, place_text, value_text, zero_shares
from shrinkage.reports.wording import LOG_LOSS, score_wording

DRAWN = 2
FOCUS = 3.0


def surface_figure(result: PathResult) -> HeatFigure | None:
    """Return the mean score over the axes, both choices, and what is within one standard error."""
    wording = score_wording(result.score_name)
    mean = fold_mean(result.fold_scores)
    return _map(
        result,
        mean,
        key="surface",
        title="Score over the surface",
        label=f"validation {wording.label}",
        text=lambda value: wording.text(value).removesuffix(" %"),
        limits=focus(result, mean),
        reading=_score_reading(result, mean),
        percent=wording.percent,
    )


def surface_loss_figure(result: PathResult) -> HeatFigure | None:
    """Return the validation loss over the axes, without the penalty; dark is low."""
    logs = result.log_loss
    loss = fold_mean(result.validation_loss if logs is None else logs)
    name = "loss without the penalty" if logs is None else "log loss"
    finite = loss[np.isfinite(loss)]
    if result.surface is None or not len(finite):
        return None
    least = int(np.nanargmin(loss))
    where = ", ".join(f"{k} {value_text(v)}" for k, v in result.surface.setting(least).items())
    return _map(
        result,
        -loss,
        key="surface-loss",
        title="Validation loss over the surface",
        label=f"− validation {name}",
        text=lambda value: number_text(-value),
        limits=(-float(np.quantile(finite, 0.75)), -float(finite.min())),
        reading=f"The darkest cell has the least {name} on validation rows, "
        f"{LOG_LOSS.text(loss[least])}, at {where}.",
    )


def surface_zeros_figure(result: PathResult) -> HeatFigure | None:
    """Return the share of exactly zero weights over the axes."""
    zeros = zero_shares(result)
    if result.surface is None or not (zeros > 0).any():
        return None
    finite = zeros[np.isfinite(zeros)]
    low, high = share_text(float(finite.min())), share_text(float(finite.max()))
    return _map(
        result,
        zeros,
        key="surface-zeros",
        title="Exact zeros over the surface",
        label="weights that are exactly zero",
        text=lambda value: share_text(value).removesuffix(" %"),
        limits=(0.0, 1.0),
        reading=f"From {low} to {high} of the weights are exactly zero. Along the outlined cells "
        "the score is the same within one standard error: the darkest of them is the simplest.",
        percent=True,
    )


def _map(
    result: PathResult,
    values: np.ndarray,
    *,
    key: str,
    title: str,
    label: str,
    text: Callable[[float], str],
    limits: tuple[float, float],
    reading: str,
    percent: bool = False,
) -> HeatFigure | None:
    surface = result.surface
    if surface is None or not surface.is_grid:
        return None
    cells = shown_cells(result)
    grid = values[cells]
    across, up = surface.axes[:DRAWN]
    names = f"{across.name} across, {up.name} up"
    return HeatFigure(
        key=key,
        title=title,
        reading=reading + _third(surface),
        alt=f"Heat map, {names}. {reading}",
        x=_names(across),
        y=_names(up),
        value_label=label,
        values=grid,
        texts=tuple(tuple(text(float(value)) for value in row) for row in grid),
        limits=limits,
        outlined=("within one standard error of the best", surface.within[cells]),
        ridge=("best of its row, within it", _ridge(result, cells)) if key == "surface" else None,
        marks=_marks(result),
        percent=percent,
    )


def shown_cells(result: PathResult) -> np.ndarray:
    """Return the cell that is drawn in each place, (rows, columns): the best along other axes."""
    assert result.surface is not None
    mean = np.nan_to_num(fold_mean(result.fold_scores), nan=-np.inf)
    cells = result.surface.grid(np.arange(len(mean))).astype(int)
    flat = cells.reshape(*cells.shape[:DRAWN], -1)
    best = mean[flat].argmax(axis=-1)
    return np.take_along_axis(flat, best[..., None], axis=-1)[..., 0].T


def _names(axis: SurfaceAxis) -> Names:
    return Names(axis.label, tuple(value_text(value) for value in axis.values))


def _marks(result: PathResult) -> tuple[CellMark, ...]:
    assert result.surface is not None
    best, simple = result.best, chosen_or_none(result, "one_standard_error")
    marks = []
    if simple is not None and simple.index not in (None, best.index):
        column, row = result.surface.positions[simple.index][:DRAWN].tolist()
        label = f"simplest within it: {place_text(result, simple)}"
        marks.append(CellMark(column, row, label, "simple", Kind.NOT_CONVERGED))
    if best.index is not None:
        column, row = result.surface.positions[best.index][:DRAWN].tolist()
        label = f"best: {place_text(result, best)}"
        marks.insert(0, CellMark(column, row, label, "best"))
    return tuple(marks)


def _ridge(result: PathResult, cells: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Return the best cell of each row, of the rows in which it is within one standard error."""
    assert result.surface is not None
    mean = np.nan_to_num(fold_mean(result.fold_scores), nan=-np.inf)
    columns = mean[cells].argmax(axis=1)
    return tuple(
        (int(column), row)
        for row, column in enumerate(columns)
        if result.surface.within[cells[row, column]]
    )


def focus(result: PathResult, mean: np.ndarray) -> tuple[float, float]:
    """Return the ends of the colours: from what matters for the choice to the best."""
    finite = mean[np.isfinite(mean)]
    if not len(finite):
        return 0.0, 1.0
    top, low = float(finite.max()), float(finite.min())
    near = [mean[m.index] for m in result.chosen if m.index is not None]
    error = result.score_error[result.best.index or 0]
    near = [float(v) for v in [*near, top - np.nan_to_num(error)] if np.isfinite(v)]
    focus = top - FOCUS * (top - min(near))
    return (max(low, focus) if focus < top else low), top


def _score_reading(result: PathResult, mean: np.ndarray) -> str:
    if result.surface is None:
        return ""
    wording, best = score_wording(result.score_name), result.best
    simple = chosen_or_none(result, "one_standard_error")
    index = best.index or 0
    error = result.score_error[index]
    spread = f" ± {wording.text(error)}" if np.isfinite(error) else ""
    by_loss = result.summary.get("choose_by") == "loss"
    head = "The least validation loss" if by_loss else "The highest score"
    text = f"{head} is at {place_text(result, best)} ({wording.text(mean[index])}{spread})."
    count = int(result.surface.within.sum())
    if count > 1 and np.isfinite(error):
        text += (
            f" {count} of {len(mean)} cells are within one standard error of it, inside the line: "
            + _same_work(result)
        )
        if simple is not None and simple.index not in (None, index):
            text += f"; the simplest of them is at {place_text(result, simple)}"
        text += "."
    return text


def _same_work(result: PathResult) -> str:
    """Return what cells within one standard error mean: of penalties that they are told apart."""
    surface = result.surface
    assert surface is not None
    names = [axis.name for axis in surface.axes]
    if AXIS not in names:
        return "along it one axis does the work of the other"
    place = names.index(AXIS)
    words = {surface.cells[cell][place] for cell in np.flatnonzero(surface.within)}
    if len(words) == 1:
        return "all of one penalty"
    return f"so by one standard error {len(words)} penalties do the work of one another"


def _third(surface: Surface) -> str:
    if len(surface.axes) <= DRAWN:
        return ""
    others = " and ".join(axis.name.replace("_", " ") for axis in surface.axes[DRAWN:])
    return f" Each cell is the one with the best score along {others}."
