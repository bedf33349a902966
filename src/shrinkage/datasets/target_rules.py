"""Whether a target means classes or numbers, and what a target may not hold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from shrinkage.datasets.cells import Locate, plain_row
from shrinkage.datasets.dataset import TASKS
from shrinkage.datasets.wording import listed
from shrinkage.errors import InputError, near_names

LARGEST_EXACT = 2.0**53
"""Whole numbers beyond this are not all distinct as float64."""

MOST_CLASSES = 20
"""Up to this many distinct whole numbers are guessed to be classes."""


def check_target(
    values: object, name: str = "target", task: str | None = None, locate: Locate = plain_row
) -> tuple[np.ndarray, str]:
    """Check a target and say what it is: text, booleans or at most 20 whole numbers are classes.

    Args:
        values: (n,) raw targets: an array, a list or a series.
        name: the target's name.
        task: `classification` or `regression` instead of the guess.
        locate: words for a row.

    Returns:
        `(y, task)`: y holds text (dtype object), booleans, int64 or float64.

    Raises:
        InputError: missing, infinite or constant values; text as a regression target.

    >>> check_target(["no", "yes"])[1], check_target([0.5, 1.5, 2.25])[1]
    ('classification', 'regression')
    """
    if task is not None and task not in TASKS:
        raise InputError(
            f"expected a task {' or '.join(TASKS)}, got {task!r}: {near_names(task, TASKS)}"
        )
    y = _plain_array(values, name)
    _require_present(y, name, locate)
    distinct = pd.unique(y)
    if len(distinct) < 2:
        got = f"only {distinct.tolist()[0]!r}" if len(distinct) else "no rows"
        raise InputError(
            f"target {name!r}: expected at least two different values, got {got}: "
            "choose another target"
        )
    few_integers = len(distinct) <= MOST_CLASSES and _are_integers(distinct)
    classes = y.dtype in (object, bool) or few_integers
    task = task or ("classification" if classes else "regression")
    if task == "regression":
        return _as_numbers(y, name), task
    return (y.astype(np.int64) if _are_integers(distinct) else y), task


def _plain_array(values: object, name: str) -> np.ndarray:
    """Return text as objects (NaN where missing), numbers as float64, booleans as they are."""
    array = pd.Series(values).array if not isinstance(values, pd.Series) else values.array
    if isinstance(array.dtype, pd.CategoricalDtype) or array.dtype == "str":
        return np.asarray(array, dtype=object)
    if array.dtype == bool:
        return np.asarray(array, dtype=bool)
    if pd.api.types.is_numeric_dtype(array.dtype):
        return array.to_numpy(np.float64, na_value=np.nan)
    cells = np.asarray(array, dtype=object)
    kinds = {type(cell) for cell in cells if not pd.isna(cell)}
    if kinds <= {str}:
        return cells
    if kinds <= {bool, np.bool_} and not pd.isna(cells).any():
        return cells.astype(bool)
    if kinds <= {int, float} or all(issubclass(kind, np.number) for kind in kinds):
        return pd.Series(cells).astype(np.float64).to_numpy()
    raise InputError(
        f"target {name!r}: expected labels of one kind (text, numbers or booleans), got "
        f"{listed(sorted(kind.__name__ for kind in kinds))}: write them alike"
    )


def _require_present(y: np.ndarray, name: str, locate: Locate) -> None:
    missing = pd.isna(y)
    bad = missing | np.isinf(y) if y.dtype == np.float64 else missing
    if bad.any():
        row = int(np.argmax(bad))
        got = "a missing or NaN value" if missing[row] else f"{y[row].item()!r}"
        raise InputError(
            f"target {name!r}, {locate(row)}: expected a value, got {got}: "
            f"fill or remove the row ({int(bad.sum())} such rows)"
        )


def _are_integers(values: np.ndarray) -> bool:
    if values.dtype != np.float64:
        return False
    return bool(np.all((np.abs(values) <= LARGEST_EXACT) & (values == np.round(values))))


def _as_numbers(y: np.ndarray, name: str) -> np.ndarray:
    if y.dtype == object:
        raise InputError(
            f"target {name!r}: expected numbers for regression, got text such as {y[0]!r}: "
            "use task classification or another target"
        )
    return y.astype(np.float64)
