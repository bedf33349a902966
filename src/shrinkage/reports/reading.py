"""What the reports read from a `PathResult`: means that survive NaN, edges, the first layer.

Who uses this: sentence, table and figures. It promises that a strength whose folds are not all
finite has the mean NaN, without a warning from NumPy.
"""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.text import strength_text
from shrinkage.paths.results import ChosenModel, PathResult

ROLES = ("goal", "best", "mean", "one_standard_error", "unregularized")
ROLE_LABELS = {
    "goal": "goal",
    "best": "best",
    "mean": "mean of its networks",
    "one_standard_error": "one standard error",
    "unregularized": "unregularized",
}
ROLE_COLOURS = {
    "goal": "simple",
    "best": "best",
    "mean": "best",
    "one_standard_error": "simple",
    "unregularized": "unregularized",
}


def fold_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the folds, NaN where any fold is not finite.

    Args:
        values: shape (strengths, folds).

    >>> fold_mean(np.array([[1.0, 3.0], [1.0, np.inf]])).tolist()
    [2.0, nan]
    """
    values = np.asarray(values, dtype=float)
    return np.where(np.isfinite(values), values, np.nan).mean(axis=1)


def zero_shares(result: PathResult) -> np.ndarray:
    """Return the share of exactly zero weights for each strength, mean over the folds."""
    total = result.best.total_weights if result.surface is None else result.surface.sizes
    if not np.all(total):
        return np.zeros(len(result.strengths))
    return 1.0 - np.asarray(result.nonzero, dtype=float).mean(axis=1) / total


def value_text(value: float | str) -> str:
    """Return a value on an axis as text.

    >>> value_text(0.00312), value_text("batch")
    ('0.00312', 'batch')
    """
    return value if isinstance(value, str) else strength_text(value)


def place_text(result: PathResult, model: ChosenModel) -> str:
    """Return where a chosen model is: its strength, or its value on each axis of a surface.

    >>> from shrinkage.reports.example import example_result
    >>> place_text(example_result(), example_result().best)
    '0.01'
    """
    if result.surface is None:
        return strength_text(model.strength)
    pairs = model.setting.items()
    return ", ".join(f"{name.replace('_', ' ')} {value_text(value)}" for name, value in pairs)


def strength_label(result: PathResult, model: ChosenModel) -> str:
    """Return the same beside the name of a model in a legend: `λ = 0.01`."""
    text = place_text(result, model)
    return f"λ = {text}" if result.surface is None else text


def column_names(result: PathResult) -> tuple[str, ...]:
    """Return the columns of the table that make inputs, each once, in the order of the inputs.

    >>> from dataclasses import replace
    >>> from shrinkage.reports.example import example_result
    >>> result = example_result()
    >>> column_names(replace(result, input_names=("a", "b=1"), input_columns=("a", "b")))
    ('a', 'b')
    """
    return tuple(dict.fromkeys(result.input_columns or result.input_names))


def counted_units(result: PathResult) -> str:
    """Return what kept inputs are counted in: columns where one may make several inputs."""
    return "columns" if len(column_names(result)) < len(result.input_names) else "inputs"


def chosen_or_none(result: PathResult, role: str) -> ChosenModel | None:
    """Return the chosen model of that role, or None when the result has none."""
    return next((model for model in result.chosen if model.role == role), None)


def varied_name(result: PathResult) -> str:
    """Return what varies along a path: the strength, or of a goal how many times smaller."""
    return "strength" if chosen_or_none(result, "goal") is None else "compression"


def distinct_roles(result: PathResult) -> tuple[str, ...]:
    """Return the roles whose models differ: one standard error only when it is not the best.

    Of a sparsity path that of the goal stands for the others that chose the same; the mean of
    several networks is drawn as the first of them, the best.

    >>> from shrinkage.reports.example import example_result
    >>> distinct_roles(example_result())
    ('best', 'one_standard_error', 'unregularized')
    """
    models = [model for role in ROLES if (model := chosen_or_none(result, role)) is not None]
    goal = chosen_or_none(result, "goal")
    taken = {result.best.index} | ({goal.index} if goal is not None else set())
    same = [m for m in models if m.role == "one_standard_error" and m.index in taken]
    same += [m for m in models if m.role == "goal" and m.index == result.best.index]
    same += [m for m in models if m.role == "mean"]
    return tuple(model.role for model in models if model not in same)


def first_weights(result: PathResult, role: str) -> np.ndarray | None:
    """Return the first weight array (two or more dimensions) of a chosen model, if it is kept."""
    arrays = result.weights.get(role)
    if not arrays:
        return None
    for layer in result.layers:
        if layer.name in arrays and len(layer.shape) >= 2:
            return np.asarray(arrays[layer.name], dtype=float)
    return next((np.asarray(a, float) for a in arrays.values() if np.ndim(a) >= 2), None)


def at_edge(result: PathResult) -> str:
    """Return `smallest` or `largest` when the best strength ends the grid, else an empty string.

    Of a surface a warning says it, for each axis.
    """
    index = result.best.index
    other = result.surface is not None or result.goal is not None
    if index is None or len(result.strengths) < 2 or other:
        return ""
    return {0: "smallest", len(result.strengths) - 1: "largest"}.get(index, "")
