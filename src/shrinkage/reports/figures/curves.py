"""Learning curves with and without regularization, from the folds' validation rows."""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.figures import Axis, Kind, LineFigure, Series
from shrinkage.drawing.text import number_text
from shrinkage.paths.results import LearningCurve, PathResult
from shrinkage.reports.figures.loss import wants_log
from shrinkage.reports.reading import ROLE_COLOURS, strength_label

DRAWN = ("best", "unregularized")


def curves_figure(result: PathResult) -> LineFigure | None:
    """Return training and validation loss by epoch of the best and the unregularized model."""
    curves = [c for role in DRAWN for c in result.curves if c.role == role and len(c.train_loss)]
    if not curves or not any(np.isfinite(c.validation_loss).any() for c in curves):
        return None
    series = tuple(s for curve in curves for s in _series(result, curve))
    reading = _reading(curves)
    return LineFigure(
        key="learning-curves",
        title="Learning with and without regularization",
        reading=reading,
        alt=f"Loss by epoch, training and validation, of each model. {reading}",
        x=_epochs(max(float(epochs_of(c)[-1]) for c in curves)),
        y=Axis("loss without the penalty", log=wants_log(*(s.y for s in series))),
        series=series,
    )


def _series(result: PathResult, curve: LearningCurve) -> tuple[Series, Series]:
    colour = ROLE_COLOURS[curve.role]
    name = "unregularized"
    if curve.role != "unregularized":
        name = f"{curve.role}, {strength_label(result, result.by_role(curve.role))}"
    epochs = epochs_of(curve)
    finite = [
        np.where(np.isfinite(v), v, np.nan) for v in (curve.validation_loss, curve.train_loss)
    ]
    return (
        Series(f"{name}: validation", epochs, finite[0], colour, Kind.LINE),
        Series(f"{name}: training", epochs, finite[1], colour, Kind.DASHED),
    )


def epochs_of(curve: LearningCurve) -> np.ndarray:
    """Return the epoch after which each point of a curve was taken."""
    if curve.epochs is None:
        return np.arange(1, len(curve.train_loss) + 1, dtype=float)
    return np.asarray(curve.epochs, dtype=float)


def _epochs(count: float) -> Axis:
    pad = max(0.5, 0.02 * count)
    return Axis("epoch", counts=True, limits=(1 - pad, count + pad))


def _reading(curves: list[LearningCurve]) -> str:
    parts = []
    for curve in curves:
        name = "with" if curve.role == "best" else "without"
        last = float(curve.validation_loss[-1])
        if not np.isfinite(curve.validation_loss).all():
            parts.append(f"{name} regularization training diverged")
            continue
        least = float(curve.validation_loss.min())
        said = f"{name} regularization it ends at {number_text(last)}"
        if last > 1.02 * least:
            epoch = int(epochs_of(curve)[np.argmin(curve.validation_loss)])
            said += f", up from {number_text(least)} at epoch {epoch}"
        parts.append(said)
    return (
        f"Follow the solid lines, the validation loss: {'; '.join(parts)}. A solid line that turns "
        "up while its dashed one still falls is overfitting."
    )
