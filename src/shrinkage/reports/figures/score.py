"""Score along the path: mean and one standard error over the folds, and what was chosen.

The lower end of the picture is put where the choice can be seen: strengths with far worse scores
are drawn as triangles on the lower edge, so that a collapse to chance does not flatten the rest.
"""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.figures import Axis, Kind, LineFigure, Mark, Series
from shrinkage.drawing.text import strength_text
from shrinkage.paths.results.records import PathResult, Status
from shrinkage.reports.figures.strength_axis import choice_marks, positions, strength_axis
from shrinkage.reports.reading import at_edge, chosen_or_none, fold_mean
from shrinkage.reports.wording import LOG_LOSS, score_wording

STATUS_SERIES = {
    Status.COLLAPSED: ("collapsed: the same answer for every row", Kind.COLLAPSED),
    Status.DIVERGED: ("diverged", Kind.DIVERGED),
    Status.NOT_CONVERGED: ("stopped before the minimizer", Kind.NOT_CONVERGED),
}


def score_figure(result: PathResult) -> LineFigure:
    """Return the mean score over the strengths, its standard error and both choices."""
    wording = score_wording(result.score_name)
    x, mean, error = _numbers(result)
    limits = _limits(result, mean, error)
    series = [
        Series(
            "mean over the folds" if result.fold_scores.shape[1] > 1 else "validation score",
            x,
            mean,
            "validation",
            Kind.LINE,
            error if np.isfinite(error).any() else None,
        ),
        *_chosen_series(result, x, mean),
        *_status_series(result, x, mean, limits[0]),  # above what was chosen
    ]
    plain = chosen_or_none(result, "unregularized")
    horizontals = ()
    if plain is not None and plain.cv_score is not None and np.isfinite(plain.cv_score):
        label = f"unregularized, {wording.text(plain.cv_score)}"
        horizontals = (Mark(float(plain.cv_score), label, "unregularized"),)
    return LineFigure(
        key="score",
        title="Score along the path",
        reading=_reading(result, mean, error),
        alt=f"Curve of the validation {wording.label} over {len(x)} strengths; "
        f"{_reading(result, mean, error)}",
        x=strength_axis(result),
        y=Axis(f"validation {wording.label}", percent=wording.percent, limits=limits),
        series=tuple(series),
        verticals=choice_marks(result),
        horizontals=horizontals,
        wide=True,
    )


def _numbers(result: PathResult) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scores = result.fold_scores
    return positions(result.strengths), fold_mean(scores), result.score_error


def _limits(result: PathResult, mean: np.ndarray, error: np.ndarray) -> tuple[float, float]:
    """Return the vertical limits: everything, or at least what matters for the choice."""
    finite = mean[np.isfinite(mean)]
    if len(finite) == 0:
        return 0.0, 1.0
    plain = chosen_or_none(result, "unregularized")
    extra = [] if plain is None or plain.cv_score is None else [plain.cv_score]
    extra = [v for v in extra if np.isfinite(v)]
    band = np.nan_to_num(error[np.isfinite(mean)])
    top, bottom = max([*(finite + band), *extra]), min([*(finite - band), *extra])
    chosen = [m.index for m in result.chosen if m.index is not None]
    near = [*extra, *(mean[chosen] - np.nan_to_num(error[chosen]))]
    near = [v for v in near if np.isfinite(v)] or [float(finite.max())]
    focus = top - 3.0 * (top - min(near))
    floor = max(bottom, focus) if focus < top else bottom
    pad = 0.06 * (top - floor) or 0.01
    return float(floor - pad), float(top + pad)


def _status_series(result: PathResult, x: np.ndarray, mean: np.ndarray, floor: float) -> list:
    """Return the strengths that did not train as they should, and those below the picture."""
    shown = np.where(np.isfinite(mean), np.maximum(mean, floor), floor)
    marks = []
    for status, (label, kind) in STATUS_SERIES.items():
        hit = np.array([s == status for s in result.status])
        if hit.any():
            marks.append(Series(label, x[hit], shown[hit], "warning", kind))
    low = np.array([s == Status.OK for s in result.status]) & (shown <= floor)
    if low.any() and np.isfinite(mean[low]).all():
        text = score_wording(result.score_name).text(float(np.nanmin(mean)))
        label = f"below this picture (down to {text})"
        marks.append(Series(label, x[low], shown[low], "validation", Kind.BELOW))
    return marks


def _chosen_series(result: PathResult, x: np.ndarray, mean: np.ndarray) -> list[Series]:
    best, simple = result.best, chosen_or_none(result, "one_standard_error")
    levels = []
    if simple is not None and simple.index not in (None, best.index):
        label = f"one standard error, λ = {strength_text(simple.strength)}"
        levels.append(_spot(label, x, mean, simple.index, "simple"))
    if best.index is not None:
        label = f"best, λ = {strength_text(best.strength)}"
        levels.insert(0, _spot(label, x, mean, best.index, "best"))
    return levels


def _spot(label: str, x: np.ndarray, y: np.ndarray, index: int, colour: str) -> Series:
    return Series(label, x[[index]], y[[index]], colour, Kind.SPOT)


def _reading(result: PathResult, mean: np.ndarray, error: np.ndarray) -> str:
    wording = score_wording(result.score_name)
    best, simple = result.best, chosen_or_none(result, "one_standard_error")
    index = best.index
    by_loss = result.summary.get("choose_by") == "loss"
    head = "The least validation loss" if by_loss else "The highest point"
    text = f"{head} is at strength {strength_text(best.strength)}"
    if index is not None:
        spread = f" ± {wording.text(error[index])}" if np.isfinite(error[index]) else ""
        loss = "" if best.cv_log_loss is None else f", log loss {LOG_LOSS.text(best.cv_log_loss)}"
        text += f" ({wording.text(mean[index])}{spread}{loss})"
    if at_edge(result):
        text += f", the {at_edge(result)} strength that was tried"
    if simple is not None and simple.index not in (None, index):
        text += (
            f"; at {strength_text(simple.strength)} the mean is still within one standard error of "
            "it, too small a difference to tell from chance"
        )
    return text + "."
