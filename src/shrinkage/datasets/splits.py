"""Folds, and words for how rows were divided: random, stratified by class, or whole groups.

Who uses this: the path engine. It promises that no group is on two sides of any split, that every
row is in exactly one validation set (but the only row of a class), and that a seed repeats the
split. scikit-learn's splitters do the drawing; what stands here says in one line why rows cannot
be divided as asked. Test rows are drawn in `held_out`.
Source: https://scikit-learn.org/stable/modules/cross_validation.html
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from shrinkage.checks import whole
from shrinkage.datasets.dataset import Dataset
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError

RowSplit = tuple[np.ndarray, np.ndarray]
"""Row numbers of the two sides: to learn from, and to look at."""


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
        way_out = "use fewer folds" if len(y) > 1 else "give more rows"
        raise InputError(
            f"expected at most as many folds as rows to train on, got {folds} folds for "
            f"{len(y)} {'row' if len(y) == 1 else 'rows'}: {way_out}"
        )
    if groups is not None and (count := len(np.unique(groups))) < folds:
        way_out = "use fewer folds" if count > 1 else "split by a column with more groups"
        raise InputError(
            f"expected at least {folds} groups among the rows to train on for {folds} folds, got "
            f"{count}: {way_out}"
        )
    if classes and groups is None and (alone := _single_rows(y)).any():
        return _folds_around(y, alone, folds, seed)
    stratified = classes and largest_class(y) >= folds
    if classes and not stratified and groups is None:
        return _dealt(class_codes(y), folds, seed)
    splitter = fold_splitter(stratified, groups is not None, folds, seed)
    splits = drawn_folds(splitter, class_codes(y) if classes else y, groups)
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


def fold_splitter(classes: bool, grouped: bool, folds: int, seed: int) -> Any:
    """Return scikit-learn's splitter: stratified by class or not, with whole groups or not."""
    from sklearn import model_selection

    splitters = {
        (False, False): model_selection.KFold,
        (False, True): model_selection.GroupKFold,
        (True, False): model_selection.StratifiedKFold,
        (True, True): model_selection.StratifiedGroupKFold,
    }
    return splitters[classes, grouped](folds, shuffle=True, random_state=seed)


def drawn_folds(splitter: Any, y: np.ndarray, groups: np.ndarray | None) -> list[RowSplit]:
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


def largest_class(y: np.ndarray) -> int:
    """Return how many rows the commonest class has."""
    return int(np.unique(y, return_counts=True)[1].max())


def class_codes(y: np.ndarray) -> np.ndarray:
    """Return labels as whole numbers from 0, in sorted order."""
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


def describe_split(
    dataset: Dataset, folds: int | None = None, *, held_out: bool = True, strata: str = ""
) -> str:
    """Return one sentence on how rows were divided, for the report.

    Args:
        dataset: the data.
        folds: how many folds; None when there are none.
        held_out: whether rows were drawn for a test, where the data has no test set.
        strata: what each fold has its share of; classes where nothing is said.

    Returns:
        The sentence, without a full stop; what the loader decided about groups follows it.

    >>> from shrinkage.datasets import load_dataset
    >>> describe_split(load_dataset("wine"), folds=5)
    'rows split at random, stratified by class, into training and test and 5 folds'
    """
    own_test = dataset.test is not None
    clauses = ["the test set is the data set's own"] if own_test else []
    if not own_test and not held_out:
        own_test, clauses = True, ["no test rows"]
    if dataset.time is not None:
        name = dataset.time_name or "time"
        first = f"rows split by {name}: every fold is validated on rows later than it trains on"
        last = [] if own_test else ["the test rows are the latest"]
        return "; ".join([first, *last, *clauses])
    if dataset.groups is not None:
        held = "validation" if own_test else "validation or test"
        first = (
            f"whole groups of {dataset.group_name or 'rows'} kept together: no group is in both "
            f"training and {held}"
        )
        return "; ".join([first, *clauses, *filter(None, [dataset.group_note])])
    sides = [*([] if own_test else ["training and test"]), *([f"{folds} folds"] if folds else [])]
    parts = ["rows split at random"]
    if dataset.task == "classification" or strata:
        parts.append(f", stratified by {strata or 'class'}" + ("," if sides else ""))
    if sides:
        parts.append(f" into {' and '.join(sides)}")
    return "; ".join(["".join(parts), *clauses] if sides else clauses or ["".join(parts)])
