"""Arrays as one dataset, and the validation and test sets of a person's own in it.

Who uses this: `fit_path` and the command line's `--validation` and `--test`. Own sets are read as
the training rows were, cell by cell, before anything is trained, and an error names the set.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import numpy as np
import pandas as pd

from shrinkage.datasets import Dataset, dataset_from_arrays
from shrinkage.datasets.column_specs import specs_of
from shrinkage.datasets.dataset import RawRows
from shrinkage.datasets.input_shapes import InputShapes, has_shapes
from shrinkage.errors import InputError

RowsAndTargets = tuple[object, object]


@contextmanager
def own_set(what: str, name: str = "") -> Iterator[None]:
    """Put the name of a set in front of every error in it.

    Args:
        what: `validation` or `test`.
        name: the file's name, or nothing.

    Raises:
        InputError: what is raised inside, with the set's name.

    >>> with own_set("test", "new.csv"):
    ...     raise InputError("expected a number, got 'x'")
    Traceback (most recent call last):
    shrinkage.errors.InputError: test rows 'new.csv': expected a number, got 'x'
    """
    try:
        yield
    except InputError as error:
        called = f"{what} rows {name!r}" if name else f"{what} rows"
        said = str(error).removeprefix(f"{name!r}: ")  # the reader of a file names it too
        raise InputError(f"{called}: {said}") from error


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
    if test is not None:
        data = replace(data, test=(_alike(data, test, "test"), test.y), test_name=test.name)
    if validation is None:
        return data, None
    if data.groups is not None:
        raise InputError(
            "expected groups (--split-by) or a validation set of your own, got both; with a "
            "validation set the rows are not split into folds, so leave one out"
        )
    if data.score_by is not None:
        raise InputError(
            "expected scores by group (--score-by) or a validation set of your own, got both: "
            "leave one out"
        )
    if data.time is not None:
        raise InputError(
            "expected times (--time) or a validation set of your own, got both: times divide rows "
            "into folds, so leave one out"
        )
    positions = np.arange(data.n_samples, data.n_samples + validation.n_samples)
    joined = replace(
        data,
        X=_join(data.X, _alike(data, validation, "validation")),
        y=np.concatenate([data.y, validation.y]),
        sample_weight=_joined_weights(data, validation),
    )
    return joined, positions


def dataset_of(
    X: object,
    y: object,
    *,
    task: str | None,
    groups: object,
    sample_weight: object,
    time: object = None,
    score_by: object = None,
    validation: RowsAndTargets | None,
    test: RowsAndTargets | None,
    missing_target: str = "refuse",
    columns: object = None,
    notes: tuple[str, ...] = (),
) -> tuple[Dataset, np.ndarray | None]:
    """Return the dataset of the arrays that `fit_path` takes; see there."""
    shapes = InputShapes.of(X) if has_shapes(X) else None
    data = dataset_from_arrays(
        _flat(X, shapes),
        y,
        input_names=None if shapes is None else shapes.names,
        task=task,
        missing_target=missing_target,
        groups=groups,
        sample_weight=sample_weight,
        time=time,
        score_by=score_by,
        specs=specs_of(columns),
    )

    if shapes is not None:
        data = replace(data, shapes=shapes, image_shape=None, as_shaped=True)
    data = replace(data, notes=(*data.notes, *notes))

    def other(what: str, pair: RowsAndTargets | None) -> Dataset | None:
        if pair is None:
            return None
        with own_set(what):
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise InputError(
                    f"expected a pair ({what} rows, targets), got {type(pair).__name__}: write "
                    f"{what}=(X, y)"
                )
            return dataset_from_arrays(
                _flat(pair[0], shapes),
                pair[1],
                input_names=None if shapes is None else shapes.names,
                name="",
                missing_target=missing_target,
                like=data.target,
                rules=data.rules,
            )

    return with_own_sets(data, other("validation", validation), other("test", test))


def _flat(X: object, shapes: InputShapes | None) -> object:
    return X if shapes is None else shapes.flat(X)


def _alike(data: Dataset, other: Dataset, what: str) -> RawRows:
    """Return the other rows with the columns of `data`, read as those; a table may hold more."""
    with own_set(what, other.name):
        _require_columns(data, other, what)
        _require_targets(data, other, what)
    if isinstance(other.X, pd.DataFrame):
        return other.X.loc[:, list(data.input_names)]
    return other.X


def _require_columns(data: Dataset, other: Dataset, what: str) -> None:
    tables = isinstance(data.X, pd.DataFrame), isinstance(other.X, pd.DataFrame)
    missing = [name for name in data.input_names if name not in other.input_names]
    detail = ""
    if missing:
        detail = f"column {missing[0]!r} is missing"
    elif tables[0] != tables[1]:
        detail = "one of the two is a table and the other pictures or an array"
    elif not tables[0] and other.input_names != data.input_names:
        detail = "the order or number differs"
    if detail:
        raise InputError(
            f"expected the {what} rows to have the same {data.n_features} columns as the training "
            f"rows, but {detail}; give rows of the same kind"
        )


def _require_targets(data: Dataset, other: Dataset, what: str) -> None:
    if other.task != data.task:
        raise InputError(
            f"expected {what} targets for {data.task}, got targets for {other.task}; "
            "give the task yourself"
        )
    if data.task == "classification":
        known = set(data.y.tolist())
        unknown = next((label for label in other.y.tolist() if label not in known), None)
        if unknown is not None:
            raise InputError(
                f"expected {what} labels that occur in the training rows, got {unknown!r}; remove "
                "those rows, or train with that class"
            )


def _join(first: RawRows, second: RawRows) -> RawRows:
    if isinstance(first, pd.DataFrame):
        return _joined_tables(first, cast(pd.DataFrame, second))
    return np.concatenate([first, cast(np.ndarray, second)])


def _joined_tables(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Return two tables below each other; the levels of their columns of categories add up."""
    joined = pd.concat([first, second], ignore_index=True)
    for name in first.columns:
        parts = first[name], second[name]
        if isinstance(parts[0].dtype, pd.CategoricalDtype) and not parts[0].cat.ordered:
            levels = sorted({str(level) for part in parts for level in part.cat.categories})
            joined[name] = pd.Categorical(joined[name].astype(object), levels)
    return joined


def _joined_weights(data: Dataset, validation: Dataset) -> np.ndarray | None:
    if data.sample_weight is None and validation.sample_weight is None:
        return None
    return np.concatenate(
        [
            np.ones(part.n_samples) if part.sample_weight is None else part.sample_weight
            for part in (data, validation)
        ]
    )
