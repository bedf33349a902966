"""Targets of shape (n, targets): several numbers, or labels of 0 and 1.

Who uses this: the estimators. scikit-learn's names are kept: several labels are a
"multilabel-indicator", whose `classes_` are the numbers of the labels, as `MLPClassifier` has them.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.multiclass import type_of_target

from shrinkage.errors import InputError
from shrinkage.target_reading import TargetReading, TaskReason

MULTI_LABEL = "multi-label"


def dense_targets(y: Any) -> np.ndarray:
    """Return targets as an array; a single column becomes (n,), with scikit-learn's warning.

    >>> dense_targets(np.zeros((3, 2))).shape
    (3, 2)
    """
    targets = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
    if targets.ndim == 2 and targets.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected: give y of shape (n,), or "
            "several targets",
            DataConversionWarning,
            stacklevel=4,
        )
        return targets[:, 0]
    return targets


def checked_labels(y: np.ndarray) -> np.ndarray:
    """Return labels (n, labels) as 0 and 1.

    Raises:
        InputError: they are others.
    """
    kind = type_of_target(y)
    if kind != "multilabel-indicator":
        raise InputError(
            f"expected y of shape (n,), or labels of 0 and 1 of shape (n, labels), got {kind} of "
            f"shape {y.shape}: give a column of 0 and 1 for each label, or take "
            "sklearn.multioutput.MultiOutputClassifier"
        )
    return np.asarray(y, dtype=np.int64)


def reading_of(y: np.ndarray, task: str) -> TargetReading | None:
    """Return what is known of several targets; None of a single one."""
    if y.ndim == 1:
        return None
    parts = tuple(_part(f"y{place}", y[:, place], task) for place in range(y.shape[1]))
    rows, distinct = len(y), len(np.unique(y, axis=0))
    return TargetReading("y", task, TaskReason.ASKED, rows, distinct, parts=parts)


def names_of(y: np.ndarray) -> tuple[str, ...]:
    """Return the names of several targets; nothing where there is one."""
    reading = reading_of(y, "")
    return () if reading is None else tuple(part.name for part in reading.parts)


def _part(name: str, y: np.ndarray, task: str) -> TargetReading:
    rows, distinct = len(y), len(np.unique(y))
    if task == MULTI_LABEL:
        counts = (int((y == 0).sum()), int((y == 1).sum()))
        asked = ("classification", TaskReason.ASKED)
        return TargetReading(name, *asked, rows, distinct, classes=(0, 1), counts=counts)
    least, largest = float(y.min()), float(y.max())
    return TargetReading(name, task, TaskReason.ASKED, rows, distinct, least=least, largest=largest)
