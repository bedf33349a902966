"""Rare classes merged into one, and weights that make up for classes of unequal size.

Who uses this: the plan of a path, before rows are divided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from shrinkage.checks import number
from shrinkage.datasets.cells import level_text
from shrinkage.datasets.dataset import Dataset
from shrinkage.datasets.targets import OTHER, Label, plain_label
from shrinkage.datasets.wording import listed
from shrinkage.errors import InputError

ClassWeight = str | Mapping[Label, float] | None


def merge_rare(data: Dataset, below: int) -> Dataset:
    """Return the data with the classes of fewer than `below` rows as one, called `other`.

    All labels become text when some are merged; a test set of its own is merged alike.

    Args:
        data: the data set.
        below: a class with at least so many rows stays.

    Raises:
        InputError: no class would be left beside `other`, or the target is no classification.

    >>> from shrinkage.datasets import dataset_from_arrays
    >>> data = dataset_from_arrays(np.eye(7), ["a", "a", "a", "b", "b", "c", "d"])
    >>> merge_rare(data, 3).y.tolist()
    ['a', 'a', 'a', 'other', 'other', 'other', 'other']
    """
    if data.task != "classification":
        raise InputError("expected classes to merge (--rare other), got a regression: leave it out")
    labels, counts = np.unique(data.y, return_counts=True)
    rare = {level_text(plain_label(label)) for label in labels[counts < below]}
    if not rare:
        return data
    if len(rare) == len(labels):
        raise InputError(
            f"expected a class with at least {below} rows beside the rare ones, got at most "
            f"{counts.max()}: use a smaller --rare-below"
        )

    def merged(y: np.ndarray) -> np.ndarray:
        texts = [level_text(plain_label(label)) for label in y]
        return np.array([OTHER if text in rare else text for text in texts], dtype=object)

    y = merged(data.y)
    test = None if data.test is None else (data.test[0], merged(np.asarray(data.test[1])))
    names, rows = np.unique(y, return_counts=True)
    target = data.target
    if target is not None:
        target = replace(
            target,
            distinct=len(names),
            classes=tuple(names.tolist()),
            counts=tuple(rows.tolist()),
            merged=tuple(sorted(rare)),
        )
    return replace(data, y=y, test=test, target=target)


def class_weights(
    y: np.ndarray, class_weight: ClassWeight, weight: np.ndarray | None = None
) -> np.ndarray | None:
    """Return a weight for each row by its class, or None.

    `balanced` gives n / (classes · rows of the class), as scikit-learn's `class_weight`; rows count
    by their sample weights, so that one of weight 2 is two rows.

    Args:
        y: (n,) labels of the training rows.
        class_weight: `balanced`, a weight for each label (1 for those that are not named), or None.
        weight: sample weights, (n,); None: 1.

    Raises:
        InputError: neither of these, or a label that there is not.

    >>> class_weights(np.array(["a", "a", "a", "b"]), "balanced").round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """
    if class_weight is None or class_weight == "none":
        return None
    labels, codes = np.unique(y, return_inverse=True)
    if isinstance(class_weight, Mapping):
        return _named_weights(class_weight, labels)[codes]
    if class_weight != "balanced":
        raise InputError(
            "expected class_weight as balanced, none or a mapping of labels, got "
            f"{class_weight!r}: choose one of those"
        )
    rows = np.bincount(codes, weight)  # a class without weight counts for nothing whatever is here
    present = rows > 0
    return (rows.sum() / (present.sum() * np.where(present, rows, 1.0)))[codes]


def _named_weights(weights: Mapping[Label, float], labels: np.ndarray) -> np.ndarray:
    places = {level_text(plain_label(label)): place for place, label in enumerate(labels)}
    values = np.ones(len(labels))
    for label, weight in weights.items():
        text = level_text(plain_label(label))
        if text not in places:
            raise InputError(
                f"expected labels of the target in class_weight ({listed(places)}), got "
                f"{label!r}: correct it"
            )
        values[places[text]] = number(weight, f"class_weight of {label!r}", least=0)
    return values
