"""Test rows and folds: at random, stratified by class, or with whole groups kept together.

Who uses this: the path engine. It promises that no group is on two sides of any split, that every
row is in exactly one validation set (but the only row of a class), and that a seed repeats the
split. scikit-learn's splitters do the drawing; what stands here says in one line why rows cannot
be divided as asked.
Source: https://scikit-learn.org/stable/modules/cross_validation.html
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from shrinkage.checks import number, whole
from shrinkage.datasets.dataset import Dataset
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError

RowSplit = tuple[np.ndarray, np.ndarray]
"""Row numbers of the two sides: to learn from, and to look at."""


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
    from sklearn.model_selection import train_test_split

    if y is None:
        train, test = map(
            np.asarray, train_test_split(rows, test_size=test_size, random_state=seed)
        )
        return train, test
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
        stratified = _largest_class(y) >= folds
        candidates = _draw(_fold_splitter(stratified, True, folds, seed), _codes(y), groups)
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
    """Return the split with the groups of classes that only the test rows have back in training."""
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


def make_folds(
    y: np.ndarray, task: str, groups: np.ndarray | None, folds: int, seed: int = 0
) -> list[RowSplit]:
    """Divide rows into folds for cross validation.

    A class with fewer rows than folds is spread as far as its rows go, so some folds are not
    validated on it; the only row of a class is trained on in every fold (`datasets.cautions` says
    so). With groups a class may have no training row in some fold.

    Args:
        y: (n,) targets of the rows at hand.
        task: `classification` (folds are stratified) or `regression`.
        groups: (n,) values; rows with equal ones stay in one fold. None: no groups.
        folds: how many, at least 2.
        seed: repeats the folds.

    Returns:
        `folds` pairs `(train_rows, validation_rows)`, row numbers within `y`.

    Raises:
        InputError: fewer than 2 folds, or more folds than rows or groups.

    >>> [v.tolist() for _, v in make_folds(np.array([0, 1, 0, 1]), "classification", None, 2, 0)]
    [[1, 2], [0, 3]]
    """
    y = np.asarray(y)
    classes = task == "classification"
    folds = whole(folds, "folds", 2, "use 5, say")
    if folds > len(y):
        raise InputError(
            f"expected at most as many folds as rows, got {folds} folds for {len(y)} rows: "
            "use fewer folds"
        )
    if groups is not None and (count := len(np.unique(groups))) < folds:
        raise InputError(
            f"expected at least {folds} groups for {folds} folds, got {count}: use fewer folds"
        )
    if classes and groups is None and (alone := _single_rows(y)).any():
        return _folds_around(y, alone, folds, seed)
    stratified = classes and _largest_class(y) >= folds
    if classes and not stratified and groups is None:
        return _dealt(_codes(y), folds, seed)
    splitter = _fold_splitter(stratified, groups is not None, folds, seed)
    splits = _draw(splitter, _codes(y) if classes else y, groups)
    if len(splits) < folds:
        raise InputError(
            f"expected {folds} folds with rows, got {len(splits)} since the groups are few: "
            "use fewer folds"
        )
    return splits


def _single_rows(y: np.ndarray) -> np.ndarray:
    """Return where a row is the only one of its class."""
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    return counts[codes] < 2


def _folds_around(y: np.ndarray, alone: np.ndarray, folds: int, seed: int) -> list[RowSplit]:
    """Return folds of the other rows; those that are alone are trained on in every fold."""
    rows = np.arange(len(y))
    drawn, always = rows[~alone], rows[alone]
    if len(drawn) < folds:
        raise InputError(
            f"expected at least {folds} rows of classes with two rows or more for {folds} folds, "
            f"got {len(drawn)}: use fewer folds, or give rows of fewer classes"
        )
    pairs = make_folds(y[drawn], "classification", None, folds, seed)
    return [(np.sort(np.append(drawn[fit], always)), drawn[held]) for fit, held in pairs]


def _fold_splitter(classes: bool, grouped: bool, folds: int, seed: int) -> Any:
    from sklearn import model_selection

    splitters = {
        (False, False): model_selection.KFold,
        (False, True): model_selection.GroupKFold,
        (True, False): model_selection.StratifiedKFold,
        (True, True): model_selection.StratifiedGroupKFold,
    }
    return splitters[classes, grouped](folds, shuffle=True, random_state=seed)


def _draw(splitter: Any, y: np.ndarray, groups: np.ndarray | None) -> list[RowSplit]:
    """Return non-empty splits; a class in fewer groups than folds is no reason for a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"sklearn\.model_selection")
        try:
            splits = list(splitter.split(y, y, groups))
        except ValueError as error:
            raise InputError(
                f"expected rows that can be divided into folds ({one_line(error, 100)}), got "
                f"{len(y)}: use fewer folds"
            ) from error
    return [(fit, held) for fit, held in splits if len(fit) and len(held)]


def _largest_class(y: np.ndarray) -> int:
    return int(np.unique(y, return_counts=True)[1].max())


def _codes(y: np.ndarray) -> np.ndarray:
    return np.unique(y, return_inverse=True)[1]


def _dealt(codes: np.ndarray, folds: int, seed: int) -> list[RowSplit]:
    """Deal the rows of each class in turn, where every class has fewer rows than there are folds.

    scikit-learn refuses to stratify then; it warns as long as one class has enough.
    """
    shuffled = np.random.default_rng(seed).permutation(len(codes))
    order = shuffled[np.argsort(codes[shuffled], kind="stable")]
    held = (np.sort(order[fold::folds]) for fold in range(folds))
    rows = np.arange(len(codes))
    return [(np.setdiff1d(rows, validation), validation) for validation in held]


def describe_split(dataset: Dataset, folds: int | None = None) -> str:
    """Return one sentence on how rows were divided, for the report.

    Args:
        dataset: the data.
        folds: how many folds; None when there are none.

    Returns:
        The sentence, without a full stop; what the loader decided about groups follows it.

    >>> from shrinkage.datasets import load_dataset
    >>> describe_split(load_dataset("wine"), folds=5)
    'rows split at random, stratified by class, into training and test and 5 folds'
    """
    own_test = dataset.test is not None
    clauses = ["the test set is the data set's own"] if own_test else []
    if dataset.groups is not None:
        held = "validation" if own_test else "validation or test"
        first = (
            f"whole groups of {dataset.group_name or 'rows'} kept together: no group is in both "
            f"training and {held}"
        )
        return "; ".join([first, *clauses, *filter(None, [dataset.group_note])])
    sides = [*([] if own_test else ["training and test"]), *([f"{folds} folds"] if folds else [])]
    parts = ["rows split at random"]
    if dataset.task == "classification":
        parts.append(", stratified by class" + ("," if sides else ""))
    if sides:
        parts.append(f" into {' and '.join(sides)}")
    return "; ".join(["".join(parts), *clauses])
