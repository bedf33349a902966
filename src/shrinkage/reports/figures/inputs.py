"""Inputs kept along the path: those with at least one weight in the first layer that is not 0."""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.figures import Axis, LineFigure, Series
from shrinkage.drawing.text import strength_text
from shrinkage.paths.results.records import PathResult, standard_error
from shrinkage.reports.figures.strength_axis import choice_marks, positions, strength_axis
from shrinkage.reports.reading import chosen_or_none, column_names, counted_units, fold_mean


def inputs_kept_figure(result: PathResult) -> LineFigure | None:
    """Return the mean number of inputs that the first layer uses over the strengths."""
    if result.inputs_kept is None:
        return None
    counts, error = fold_mean(result.inputs_kept), standard_error(result.inputs_kept, result.rounds)
    finite = counts[np.isfinite(counts)]
    if len(finite) == 0:
        return None
    total = max(len(column_names(result)), int(np.ceil(finite.max())), 1)
    reading, units = _reading(result, counts, total), counted_units(result)
    return LineFigure(
        key="inputs-kept",
        title="Inputs kept",
        reading=reading,
        alt=f"Curve of the number of {units} in use over the strengths. {reading}",
        x=strength_axis(result),
        y=Axis(
            f"{counted_units(result)} with a nonzero weight", limits=(-0.03 * total, 1.04 * total)
        ),
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
            use = f"strength {strength} uses {_count(counts[model.index])}"
            uses.setdefault(f"{use}{_network_inputs(result, model.index)}", label)
    said = " and ".join(f"{label} {use}" for use, label in uses.items()) or "the models use some"
    return f"Of {total} {counted_units(result)} {said} on average over the folds."


def _network_inputs(result: PathResult, index: int) -> str:
    """Return how many inputs of the network the columns are, where that is another number."""
    if result.network_inputs_kept is None or counted_units(result) == "inputs":
        return ""
    return f" ({_count(float(result.network_inputs_kept[index].mean()))} inputs of the network)"


def _count(value: float) -> str:
    return f"{value:.0f}" if value == round(value) else f"{value:.1f}"
