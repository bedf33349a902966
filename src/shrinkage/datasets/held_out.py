"""Test rows: at random, each class by its share where it can, or whole groups.

Who uses this: the path engine, before the folds. It promises that no class is in the test alone and
no group on two sides, and that a seed repeats the split.
"""

from __future__ import annotations

import math

import numpy as np

from shrinkage.checks import number
from shrinkage.datasets.dataset import Dataset
from shrinkage.datasets.splits import (
    RowSplit,
    class_codes,
    drawn_folds,
    fold_splitter,
    largest_class,
)
from shrinkage.errors import InputError


def split_test(dataset: Dataset, test_size: float = 0.2, seed: int = 0) -> RowSplit:
    """Choose the rows that are looked at only once.

    With groups, whole groups are chosen, so the share is met only roughly: of the candidates the
    one is taken that leaves most classes in training, then has most in the test, then is nearest
    to the share.

    Args:
        dataset: the data; with a test set of its own, all rows are for training.
        test_size: share of the rows, between 0 and 1.
        seed: repeats the choice.

    Returns:
        `(train_rows, test_rows)`: sorted int64 row numbers; the second is empty when
        `dataset.test` is there.

    Raises:
        InputError: a share that is not between 0 and 1; too few rows, members or groups.

    >>> from shrinkage.datasets import load_dataset
    >>> train, test = split_test(load_dataset("wine"), 0.25, seed=0)
    >>> len(train), len(test)
    (133, 45)
    """
    rows = np.arange(dataset.n_samples)
    if dataset.test is not None:
        return rows, rows[:0]
    test_size = number(test_size, "test_size", above=0, below=1, hint="use 0.2, say")
    classes = dataset.task == "classification"
    if dataset.groups is not None:
        return _group_test(dataset.y, dataset.groups, classes, test_size, seed)
    try:
        train, test = _drawn_test(rows, dataset.y if classes else None, test_size, seed)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(
            f"expected rows enough for test_size {test_size}, got {len(rows)}: "
            "use another share, or more data"
        ) from error
    return np.sort(train), np.sort(test)


def _drawn_test(
    rows: np.ndarray, y: np.ndarray | None, test_size: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw test rows, each class by its share where it can; no class is in the test alone.

    The single row of a class stays in training. Where there are more classes than test rows, the
    rarest are drawn together.
    """
    from sklearn.model_selection import ShuffleSplit, train_test_split

    if y is None:
        return next(ShuffleSplit(1, test_size=test_size, random_state=seed).split(rows))
    codes, counts = np.unique(y, return_inverse=True, return_counts=True)[1:]
    alone = counts[codes] < 2
    drawn = rows[~alone]
    if not len(drawn):
        raise InputError(
            "expected classes that several rows share, got a different one in every row: choose "
            "another target, or --task regression"
        )
    held = math.ceil(test_size * len(drawn))
    strata = _strata(codes[drawn], min(held, len(drawn) - held))
    train, test = map(
        np.asarray,
        train_test_split(drawn, test_size=test_size, random_state=seed, stratify=strata),
    )
    for code in np.setdiff1d(codes[test], codes[train]):
        (moved,) = np.flatnonzero(codes[test] == code)[:1]
        train, test = np.append(train, test[moved]), np.delete(test, moved)
    return np.append(train, rows[alone]), test


def _strata(codes: np.ndarray, most: int) -> np.ndarray | None:
    """Return at most `most` strata: the classes, the rarest of them as one; None for one."""
    labels, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    if len(labels) <= most:
        return codes
    if most < 2:
        return None
    order = np.argsort(-counts, kind="stable")
    stratum = np.full(len(labels), most - 1)
    stratum[order[: most - 1]] = np.arange(most - 1)
    return stratum[places]


def _group_test(
    y: np.ndarray, groups: np.ndarray, classes: bool, test_size: float, seed: int
) -> RowSplit:
    from sklearn.model_selection import GroupShuffleSplit

    count = len(np.unique(groups))
    if count < 2:
        raise InputError(
            f"expected at least 2 groups for training and test, got {count}: "
            "split by another column, or not at all"
        )
    if classes:
        folds = min(max(2, round(1 / test_size)), count)
        stratified = largest_class(y) >= folds
        candidates = drawn_folds(
            fold_splitter(stratified, True, folds, seed), class_codes(y), groups
        )
    else:
        splitter = GroupShuffleSplit(1, test_size=test_size, random_state=seed)
        try:
            candidates = list(splitter.split(y, y, groups))
        except ValueError as error:
            raise InputError(
                f"expected groups enough for test_size {test_size}, got {count}: "
                "use another share, or split by another column"
            ) from error

    def unfit(split: RowSplit) -> tuple[float, ...]:
        train, test = split
        present = (-len(np.unique(y[train])), -len(np.unique(y[test]))) if classes else ()
        return (*present, abs(len(test) / len(y) - test_size))

    train, test = min(candidates, key=unfit)
    return _without_lost_classes(y, groups, test) if classes else (train, test)


def _without_lost_classes(y: np.ndarray, groups: np.ndarray, test: np.ndarray) -> RowSplit:
    """Return the split with the groups of classes that training lacks moved back to it."""
    rows = np.arange(len(y))
    lost = np.setdiff1d(y, np.delete(y, test))
    back = np.unique(groups[np.isin(y, lost)])
    test = test[~np.isin(groups[test], back)]
    if not len(test):
        raise InputError(
            "expected a class that several groups have, for training and test, got each in one "
            "group: split by another column, or give test rows of your own"
        )
    return np.setdiff1d(rows, test), test
