"""Folds of a person's own: any splitter of scikit-learn, or pairs of row numbers.

Who uses this: the path engine, for `folds=` that is no number. What a splitter yields is checked
before anything trains: rows that are there, none on both sides of a fold, no side empty. Rows may
be validated on in several folds (repeats) or in none (the first stretch of a time series).
Source: https://scikit-learn.org/stable/modules/cross_validation.html
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import numpy as np

from shrinkage.datasets.splits import RowSplit
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError

Folds = int | object
"""How many; an object with `split(X, y, groups)`, or without groups; or pairs of row numbers."""


def checked_folds(folds: object) -> object:
    """Return a splitter as it is, and pairs of row numbers as a tuple of arrays.

    Raises:
        InputError: neither.

    >>> checked_folds([([0, 1], [2])])
    ((array([0, 1]), array([2])),)
    """
    if hasattr(folds, "split") and not isinstance(folds, str):
        return folds
    if not isinstance(folds, Iterable) or isinstance(folds, str):
        raise InputError(
            "expected folds as a number, a splitter of scikit-learn such as TimeSeriesSplit(5), or "
            f"pairs (training rows, validation rows), got {folds!r}: give one of those"
        )
    pairs = tuple(folds)
    try:
        return tuple((_row_numbers(fit), _row_numbers(held)) for fit, held in pairs)
    except (TypeError, ValueError) as error:
        raise InputError(
            "expected folds as pairs (training rows, validation rows) of whole numbers, got "
            f"something else ({one_line(error, 80)}): give two arrays a fold"
        ) from None


def _row_numbers(rows: Any) -> np.ndarray:
    array = np.asarray(rows)
    if array.dtype == bool:
        return np.flatnonzero(array)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise ValueError(f"an array of {array.dtype} of shape {array.shape}")
    return array.astype(np.int64)


def own_folds(folds: Any, y: np.ndarray, groups: np.ndarray | None) -> list[RowSplit]:
    """Return the folds of a splitter, checked.

    Args:
        folds: what `checked_folds` returned.
        y: (n,) targets of the rows at hand.
        groups: (n,) values, for splitters that keep equal ones together; or None.

    Raises:
        InputError: the splitter cannot divide these rows, or yields folds that cannot be used.

    >>> from sklearn.model_selection import TimeSeriesSplit
    >>> [held.tolist() for _, held in own_folds(TimeSeriesSplit(2), np.zeros(6), None)]
    [[2, 3], [4, 5]]
    """
    pairs = folds if isinstance(folds, tuple) else _drawn(folds, y, groups)
    if not len(pairs):
        raise InputError("expected folds, got a splitter that yields none: give at least one")
    for number, (fit, held) in enumerate(pairs, start=1):
        _check_fold(number, fit, held, len(y))
    return list(pairs)


def _drawn(splitter: Any, y: np.ndarray, groups: np.ndarray | None) -> tuple[RowSplit, ...]:
    try:
        split = splitter.split(*_asked(splitter, np.zeros((len(y), 1)), y, groups))
        return tuple((_row_numbers(fit), _row_numbers(held)) for fit, held in split)
    except (TypeError, ValueError) as error:
        wants = " (groups=, or --split-by)" if "groups" in str(error) and groups is None else ""
        raise InputError(
            f"expected a splitter that divides {len(y)} rows, but {one_line(splitter, 80)} said: "
            f"{one_line(error, 120)}{wants}"
        ) from error


def _asked(splitter: Any, *told: Any) -> tuple[Any, ...]:
    """Return X, y and groups, less what is None and the splitter does not ask for."""
    try:
        signature = inspect.signature(splitter.split)
    except (TypeError, ValueError):  # compiled
        return told
    while told[-1] is None:
        try:
            signature.bind(*told)
            break
        except TypeError:
            told = told[:-1]
    return told


def _check_fold(number: int, fit: np.ndarray, held: np.ndarray, rows: int) -> None:
    reason = ""
    for side, some in (("training", fit), ("validation", held)):
        if not len(some):
            reason = reason or f"no {side} rows"
        elif some.min() < 0 or some.max() >= rows:
            place = int(some.min() if some.min() < 0 else some.max())
            reason = reason or (
                f"row {place} of {rows}; folds divide the rows that are no test rows: with row "
                "numbers of all rows, hold none out (test_size=0)"
            )
    if not reason and (both := np.intersect1d(fit, held)).size:
        reason = f"{len(both)} rows on both sides, such as row {both[0]}"
    if not reason and len(np.unique(held)) < len(held):
        reason = "a validation row twice"
    if reason:
        raise InputError(
            f"expected folds with training and validation rows that do not overlap, got in fold "
            f"{number}: {reason}"
        )
