"""Inputs kept along the path: those with at least one weight in the first layer that is not 0."""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.figures import Axis, LineFigure, Series
from shrinkage.drawing.text import strength_text
from shrinkage.paths.results.records import PathResult, standard_error
from shrinkage.reports.figures.strength_axis import choice_marks, positions, strength_axis
from shrinkage.reports.reading import chosen_or_none, fold_mean


def inputs_kept_figure(result: PathResult) -> LineFigure | None:
    """Return the mean number of inputs that the first layer uses over the strengths."""
    if result.inputs_kept is None:
        return None
    counts, error = fold_mean(result.inputs_kept), standard_error(result.inputs_kept)
    finite = counts[np.isfinite(counts)]
    if len(finite) == 0:
        return None
    total = max(len(result.input_names), int(np.ceil(finite.max())), 1)
    reading = _reading(result, counts, total)
    return LineFigure(
        key="inputs-kept",
        title="Inputs kept",
        reading=reading,
        alt=f"Curve of the number of inputs in use over the strengths. {reading}",
        x=strength_axis(result),
        y=Axis("inputs with a nonzero weight", limits=(-0.03 * total, 1.04 * total)),
        series=(
            Series(
                "mean over the folds",
                positions(result.strengths),
                counts,
                "layer1",
                error=error if np.isfinite(error).any() else None,
            ),
        ),
        verticals=choice_marks(result),
    )


def _reading(result: PathResult, counts: np.ndarray, total: int) -> str:
    uses: dict[str, str] = {}  # of the choices that are read alike, the first
    for role, label in (("best", "the best"), ("one_standard_error", "the one-standard-error")):
        model = chosen_or_none(result, role)
        if model is not None and model.index is not None and np.isfinite(counts[model.index]):
            strength = strength_text(model.strength)
            uses.setdefault(f"strength {strength} uses {_count(counts[model.index])}", label)
    said = " and ".join(f"{label} {use}" for use, label in uses.items()) or "the models use some"
    return f"Of {total} inputs {said} on average over the folds."


def _count(value: float) -> str:
    return f"{value:.0f}" if value == round(value) else f"{value:.1f}"
