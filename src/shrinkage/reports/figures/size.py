"""Error against size: every point of a sparsity path, the chosen one, and the budget.

The horizontal axis counts what the goal is about: weights, features, units or
bytes, smaller to the left.
Of a score that is no accuracy the score itself is drawn.
"""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.figures import Axis, Kind, LineFigure, Mark, Series
from shrinkage.drawing.text import plain, strength_text
from shrinkage.paths.results.goal import GOAL, GoalRecord
from shrinkage.paths.results.records import PathResult
from shrinkage.reports.reading import chosen_or_none, fold_mean
from shrinkage.reports.wording import ScoreWording, score_wording

LABELS = {
    "weights": "weights that are not zero",
    "features": "features that are read",
    "units": "hidden units that are not zero",
    "bytes": "bytes of the file without zeros",
    "dense bytes": "bytes of a smaller dense network",
}
ROOM = 1.15
"""The axis goes on beyond the last points by this factor."""


def size_figure(result: PathResult) -> LineFigure | None:
    """Return the picture of a sparsity path, None of any other."""
    record, model = result.goal, chosen_or_none(result, GOAL)
    if record is None or model is None or model.index is None:
        return None
    wording = score_wording(result.score_name)
    what = record.counts if record.budget is None else record.budget[0]
    size = np.array(record.sizes()[what], dtype=float)
    turned = result.score_name == "accuracy"
    mean, error = fold_mean(result.fold_scores), result.score_error
    y = 1.0 - mean if turned else mean
    label = "error" if turned else wording.label
    place = model.index
    reading = _reading(record, what, place)
    series = (
        Series(
            "mean over the folds" if result.fold_scores.shape[1] > 1 else "validation rows",
            size,
            y,
            "validation",
            error=error if np.isfinite(error).any() else None,
        ),
        Series(f"chosen: {plain(record.text, 30)}", size[[place]], y[[place]], "best", Kind.SPOT),
    )
    return LineFigure(
        key="size",
        title=f"{label.capitalize()} against size",
        reading=reading,
        alt=f"Curve of the validation {label} over {what}. {reading}",
        x=Axis(f"{LABELS[what]} (log scale)", log=True, ticks=None, limits=_limits(record, size)),
        y=Axis(f"validation {label}", percent=wording.percent),
        series=series,
        verticals=_budget(record, what),
        horizontals=_levels(result, record, wording, turned=turned),
        wide=True,
    )


def _limits(record: GoalRecord, size: np.ndarray) -> tuple[float, float]:
    ends = [*size, *([] if record.budget is None else [record.budget[1]])]
    return max(0.5, min(ends) / ROOM), max(ends) * ROOM


def _budget(record: GoalRecord, what: str) -> tuple[Mark, ...]:
    if record.budget is None:
        return ()
    most = record.budget[1]
    return (Mark(most, f"budget, {most:,.0f} {what}", "simple"),)


def _levels(
    result: PathResult, record: GoalRecord, wording: ScoreWording, *, turned: bool
) -> tuple[Mark, ...]:
    """Return the lines of what is asked for and of the dense network."""
    marks = []
    dense = chosen_or_none(result, "unregularized")
    levels = [("asked for", record.least_score, "simple")]
    levels.append(("dense", None if dense is None else dense.cv_score, "unregularized"))
    for name, score, colour in levels:
        if score is not None and np.isfinite(score):
            value = 1.0 - score if turned else score
            marks.append(Mark(value, f"{name}, {wording.text(value)}", colour))
    return tuple(marks)


def _reading(record: GoalRecord, what: str, place: int) -> str:
    chosen = record.sizes()[what][place]
    if record.budget is not None:
        rule = f"the best of those with at most {record.budget[1]:,.0f} {what}"
    elif record.least_score is not None:
        rule = f"the smallest with {plain(record.text, 40)}"
    else:
        rule = "the smallest within one standard error of the best"
    return (
        f"One network, dense first and then ever smaller. Chosen is {rule}: {chosen:,} {what}, at "
        f"compression {strength_text(_compression(record, what, place))}."
    )


def _compression(record: GoalRecord, what: str, place: int) -> float:
    whole = {
        "weights": record.total_weights,
        "features": record.total_features,
        "units": record.total_units,
        "bytes": record.dense_bytes,
        "dense bytes": record.dense_bytes,
    }[what]
    return whole / max(1, record.sizes()[what][place])
