"""What rows and columns tell before anything is trained: classes with few rows, and kin.

Who uses this: the plan of a path, once the rows are divided. Each function looks at one thing and
returns the cautions for it; `data_cautions` asks them all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shrinkage.cautions import Caution, CautionKind
from shrinkage.datasets.dataset import Dataset
from shrinkage.datasets.splits import RowSplit
from shrinkage.datasets.targets import plain_label


def data_cautions(data: Dataset, folds: Sequence[RowSplit]) -> tuple[Caution, ...]:
    """Return what there is to know about the rows of a path.

    Args:
        data: the data set.
        folds: pairs `(train_rows, validation_rows)` of row numbers in it.

    >>> from shrinkage.datasets import load_dataset, make_folds
    >>> wine = load_dataset("wine")
    >>> data_cautions(wine, make_folds(wine.y, wine.task, None, 5))
    ()
    """
    if data.task == "classification":
        return (*rare_classes(data.y, folds), *unlearned_classes(data.y, folds))
    return ()


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
