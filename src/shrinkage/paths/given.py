"""Arrays that a person hands to `fit_path`, as one dataset with a validation or test set of theirs.

Who uses this: `fit_path` and the command line's `--validation` and `--test`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from shrinkage.datasets import Dataset, dataset_from_arrays
from shrinkage.errors import InputError

Pair = tuple[object, object]


def with_own_sets(
    data: Dataset, validation: Dataset | None, test: Dataset | None
) -> tuple[Dataset, np.ndarray | None]:
    """Return the dataset with a validation set behind its rows and a test set beside them.

    Args:
        data: the rows for training.
        validation: rows to choose the strength with, or None.
        test: rows for the one look, or None.

    Returns:
        The joined dataset, and the positions of the validation rows in it (or None).

    Raises:
        InputError: the columns or tasks differ.
    """
    for what, other in (("validation", validation), ("test", test)):
        if other is not None:
            _require_same(data, other, what)
    if test is not None:
        data = replace(data, test=(test.X, test.y))
    if validation is None:
        return data, None
    positions = np.arange(data.n_samples, data.n_samples + validation.n_samples)
    if (data.groups is None) != (validation.groups is None):
        raise InputError("expected groups for both or neither of training and validation rows")
    joined = replace(
        data,
        X=_join(data.X, validation.X),
        y=np.concatenate([data.y, validation.y]),
        groups=_join(data.groups, validation.groups),
        sample_weight=_joined_weights(data, validation),
    )
    return joined, positions


def given_dataset(
    X: object,
    y: object,
    *,
    task: str | None,
    groups: object,
    sample_weight: object,
    validation: Pair | None,
    test: Pair | None,
) -> tuple[Dataset, np.ndarray | None]:
    """Return the dataset of what `fit_path` was given; see there."""
    data = dataset_from_arrays(X, y, task=task, groups=groups, sample_weight=sample_weight)
    if groups is not None and validation is not None:
        raise InputError(
            "expected groups or a validation set of your own, got both; with a validation set "
            "the rows are not split"
        )
    others = [
        None if pair is None else dataset_from_arrays(*pair, task=data.task)
        for pair in (validation, test)
    ]
    return with_own_sets(data, *others)


def _require_same(data: Dataset, other: Dataset, what: str) -> None:
    if other.input_names != data.input_names:
        missing = [name for name in data.input_names if name not in other.input_names]
        detail = f"column {missing[0]!r} is missing" if missing else "the order or number differs"
        raise InputError(
            f"expected the {what} rows to have the same {data.n_features} columns as the training "
            f"rows, but {detail}"
        )
    if other.task != data.task:
        raise InputError(
            f"expected {what} targets for {data.task}, got targets for {other.task}; "
            "give the task yourself"
        )


def _join(first, second):
    if first is None:
        return None
    if isinstance(first, pd.DataFrame):
        return pd.concat([first, second], ignore_index=True)
    return np.concatenate([first, second])


def _joined_weights(data: Dataset, validation: Dataset) -> np.ndarray | None:
    if data.sample_weight is None and validation.sample_weight is None:
        return None
    return np.concatenate(
        [
            np.ones(part.n_samples) if part.sample_weight is None else part.sample_weight
            for part in (data, validation)
        ]
    )
