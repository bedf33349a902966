"""For tables: which inputs the chosen models use, and the coefficients of a linear model."""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.figures import BarFigure, Bars
from shrinkage.drawing.text import plain
from shrinkage.paths.results import PathResult
from shrinkage.reports.reading import (
    ROLE_COLOURS,
    ROLE_LABELS,
    chosen_or_none,
    column_names,
    counted_units,
    distinct_roles,
    first_weights,
    strength_label,
)

MOST_INPUTS = 20

FAR_OUT = 3.0
"""Marks of other models further out than so many of the longest bars are drawn there, and told."""


def columns_figure(result: PathResult) -> BarFigure | None:
    """Return the inputs with the largest weights: norms, or a linear model's coefficients."""
    columns = _columns_by_role(result)
    if "best" not in columns:
        return None
    linear = len(result.layers) == 1
    signed = linear and len(columns["best"]) == 1
    names = result.input_names if signed else column_names(result)
    values = {
        role: array[0] if signed else source_norms(array, result) for role, array in columns.items()
    }
    order = _order(values)
    reach = _reach(values)
    groups = tuple(
        Bars(_label(result, role), np.clip(array[order], -reach, reach), ROLE_COLOURS[role])
        for role, array in values.items()
    )
    further = "" if np.isinf(reach) else "; marks at the edge lie further out"
    units = "inputs" if signed else counted_units(result)
    reading = _reading(values, signed, units)
    return BarFigure(
        key="coefficients" if linear else "inputs-chosen",
        title="Coefficients" if signed else f"Which {units} are used",
        reading=reading,
        alt=f"For each of {len(order)} {units} the size of its weights. {reading}",
        value_label=("coefficient" if signed else "norm of its weights in the first layer")
        + further,
        names=tuple(plain(names[i], 28) for i in order),
        groups=groups,
    )


def column_norms(weights: np.ndarray) -> np.ndarray:
    """Return the root of the sum of squares of the weights that leave each input.

    Args:
        weights: shape (outputs, inputs).

    >>> column_norms(np.array([[3.0, 0.0], [4.0, 0.0]])).tolist()
    [5.0, 0.0]
    """
    return np.sqrt((weights**2).sum(axis=0))


def source_norms(weights: np.ndarray, result: PathResult) -> np.ndarray:
    """Return the norm of the weights of all inputs of each column, (columns,).

    Args:
        weights: shape (outputs, inputs).
        result: says which column each input comes from.
    """
    norms, columns = column_norms(weights), column_names(result)
    if len(columns) == len(norms):
        return norms
    place = {name: number for number, name in enumerate(columns)}
    squares = np.zeros(len(columns))
    np.add.at(squares, [place[name] for name in result.input_columns], norms**2)
    return np.sqrt(squares)


def _columns_by_role(result: PathResult) -> dict[str, np.ndarray]:
    if result.image_shape is not None:
        return {}
    weights_of = {}
    for role in distinct_roles(result):
        weights = first_weights(result, role)
        if weights is None or weights.ndim != 2 or not np.isfinite(weights).all():
            continue
        if weights.shape[1] == len(result.input_names):
            weights_of[role] = weights
    return weights_of


def _order(values: dict[str, np.ndarray]) -> np.ndarray:
    """Return the inputs to show: largest in the best model, then in the unregularized one."""
    plainly = values.get("unregularized", values["best"])
    return np.lexsort((-np.abs(plainly), -np.abs(values["best"])))[:MOST_INPUTS]


def _reach(values: dict[str, np.ndarray]) -> float:
    """Return how far out marks are drawn: weights without a minimizer would hide all others.

    >>> _reach({"best": np.array([2.0]), "unregularized": np.array([3000.0])})
    6.0
    """
    bars = FAR_OUT * float(np.abs(values["best"]).max())
    most = max(float(np.abs(array).max()) for array in values.values())
    return bars if 0 < 2 * bars < most else np.inf


def _label(result: PathResult, role: str) -> str:
    model = chosen_or_none(result, role)
    if model is None or role == "unregularized":
        return ROLE_LABELS[role]
    return f"{ROLE_LABELS[role]}, {strength_label(result, model)}"


def _reading(values: dict[str, np.ndarray], signed: bool, units: str) -> str:
    total = len(values["best"])
    counts = ", ".join(
        f"{ROLE_LABELS[role]} {int(np.count_nonzero(v))}" for role, v in values.items()
    )
    sides = "Right raises the prediction, left lowers it. " if signed else ""
    some = f" The {MOST_INPUTS} largest are drawn." if total > MOST_INPUTS else ""
    return f"{sides}{units.capitalize()} in use, of {total}: {counts}.{some}"
