"""Training against validation loss along the path: the gap that regularization closes."""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.figures import Axis, Band, Kind, LineFigure, Mark, Series
from shrinkage.drawing.text import number_text
from shrinkage.paths.results import PathResult
from shrinkage.reports.figures.strength_axis import choice_marks, positions, strength_axis
from shrinkage.reports.reading import chosen_or_none, fold_mean

LOG_FROM = 20.0
AXIS = "loss without the penalty"


def loss_figure(result: PathResult) -> LineFigure | None:
    """Return both losses without the penalty, and the gap between them."""
    x = positions(result.strengths)
    train, validation = fold_mean(result.train_loss), fold_mean(result.validation_loss)
    if not np.isfinite(train).any() or not np.isfinite(validation).any():
        return None
    reading = _reading(result, train, validation)
    return LineFigure(
        key="loss",
        title="Training against validation loss",
        reading=reading,
        alt=f"Two curves over the strengths, training and validation loss. {reading}",
        x=strength_axis(result),
        y=Axis(
            "log loss without the penalty" if result.log_loss is not None else AXIS,
            log=wants_log(train, validation),
        ),
        series=(
            Series("validation", x, validation, "validation", Kind.LINE),
            Series("training", x, train, "training", Kind.LINE),
        ),
        bands=(Band("gap", x, train, validation, "gap"),),
        verticals=choice_marks(result),
        horizontals=_without(result, train, validation),
    )


def _without(result: PathResult, *curves: np.ndarray) -> tuple[Mark, ...]:
    """Return the log loss of the unregularized model, where it is inside the picture."""
    plain = chosen_or_none(result, "unregularized")
    level = None if plain is None else plain.cv_log_loss
    values = np.concatenate(curves)
    if level is None or not np.nanmin(values) <= level <= np.nanmax(values):
        return ()
    return (Mark(level, f"unregularized, {number_text(level)}", "unregularized"),)


def wants_log(*curves: np.ndarray) -> bool:
    """Return whether positive values span so much that a log scale shows them better.

    >>> wants_log(np.array([0.01, 2.0])), wants_log(np.array([0.5, 2.0])), wants_log(np.zeros(2))
    (True, False, False)
    """
    values = np.concatenate(curves)
    values = values[np.isfinite(values)]
    return bool(len(values) and values.min() > 0 and values.max() / values.min() > LOG_FROM)


def _reading(result: PathResult, train: np.ndarray, validation: np.ndarray) -> str:
    usable = np.flatnonzero(np.isfinite(train) & np.isfinite(validation))
    index = result.best.index
    if len(usable) == 0:
        return "No strength has both losses."
    first = int(usable[0])
    text = (
        f"At the weakest strength the loss is {number_text(float(train[first]))} on training rows "
        f"and {number_text(float(validation[first]))} on validation rows"
    )
    if index is not None and index != first and index in usable:
        text += (
            f"; at the best strength {number_text(float(train[index]))} and "
            f"{number_text(float(validation[index]))}"
        )
    return (
        text + ". A wide gap is overfitting; where both rise together, the strength is too large."
    )
