"""Classes with few rows, folds that cannot learn a class, targets that few rows decide."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from shrinkage.cautions import Caution, CautionKind
from shrinkage.datasets.splits import RowSplit
from shrinkage.datasets.targets import plain_label

NEARLY_ALL = 0.95
LEAST_ROWS, MOST_OF_IT = 100, 0.5


def rare_classes(y: np.ndarray, folds: Sequence[RowSplit]) -> tuple[Caution, ...]:
    """Say which classes have fewer training rows than there are folds.

    >>> y = np.array(["a", "a", "a", "b"], dtype=object)
    >>> rows = np.arange(4)
    >>> rare_classes(y, [(rows[2:], rows[:2]), (rows[:2], rows[2:])])[0].facts["classes"]
    ['b']
    """
    if len(folds) < 2:
        return ()
    rows = np.unique(np.concatenate([np.concatenate(pair) for pair in folds]))
    labels, counts = np.unique(y[rows], return_counts=True)
    few = np.flatnonzero(counts < len(folds))
    if not len(few):
        return ()
    facts = {
        "classes": [plain_label(labels[place]) for place in few],
        "rows": counts[few].tolist(),
        "folds": len(folds),
    }
    return (Caution(CautionKind.RARE_CLASSES, facts),)


def unequal_classes(y: np.ndarray) -> tuple[Caution, ...]:
    """Say that one class holds nearly all rows, so that accuracy hardly tells models apart.

    >>> unequal_classes(np.array([0] * 99 + [1]))[0].facts
    {'label': 0, 'share': 0.99}
    >>> unequal_classes(np.array([0, 1]))
    ()
    """
    labels, counts = np.unique(y, return_counts=True)
    largest = int(counts.argmax())
    share = float(counts[largest] / len(y))
    if share < NEARLY_ALL:
        return ()
    facts = {"label": plain_label(labels[largest]), "share": share}
    return (Caution(CautionKind.UNEQUAL_CLASSES, facts),)


def few_rows_decide(y: np.ndarray) -> tuple[Caution, ...]:
    """Say that a hundredth of the rows makes most of a target's variance, as amounts of money do.

    Of a normal target it makes 7 %, of an exponential one 22 %.

    >>> few_rows_decide(np.array([1.0] * 99 + [500.0] + [2.0] * 100))[0].facts["rows"]
    2
    >>> few_rows_decide(np.arange(200.0))
    ()
    """
    if len(y) < LEAST_ROWS or y.ndim > 1:
        return ()
    squares = np.sort(np.square(y / np.abs(y).max() - np.mean(y / np.abs(y).max())))
    rows = math.ceil(len(y) / 100)
    share = float(squares[-rows:].sum() / squares.sum())
    if not share > MOST_OF_IT:
        return ()
    facts = {"rows": rows, "of": len(y), "share": share, "least": float(y.min())}
    return (Caution(CautionKind.FEW_ROWS_DECIDE, facts),)


def unlearned_classes(y: np.ndarray, folds: Sequence[RowSplit]) -> tuple[Caution, ...]:
    """Say which classes no training row of some fold has, and in which folds.

    >>> y = np.array(["a", "a", "a", "b"], dtype=object)
    >>> rows = np.arange(4)
    >>> unlearned_classes(y, [(rows[2:], rows[:2]), (rows[:2], rows[2:])])[0].facts["folds"]
    [2]
    """
    lost: dict[object, None] = {}
    where = []
    for number, (train, validation) in enumerate(folds, start=1):
        gone = np.setdiff1d(y[validation], y[train])
        if len(gone):
            where.append(number)
            lost.update((plain_label(label), None) for label in gone)
    if not where:
        return ()
    facts = {"classes": list(lost), "folds": where}
    return (Caution(CautionKind.CLASS_UNLEARNED, facts),)
