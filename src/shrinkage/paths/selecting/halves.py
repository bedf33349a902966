"""Complementary halves of the rows, drawn at random.

Who uses this: stability selection. The two halves of a pair share no row, and each trains while
the other is set aside; with an odd number of rows one is in neither. Rows of a group stay together;
of classes each half has its share, so that a rare one is in both.
"""

from __future__ import annotations

import numpy as np

from shrinkage.datasets.splits import RowSplit
from shrinkage.errors import InputError


def complementary_halves(
    y: np.ndarray, pairs: int, seed: int, *, classes: bool, groups: np.ndarray | None = None
) -> list[RowSplit]:
    """Return (half, other half) and (other half, half) for each pair.

    Args:
        y: targets, (n,).
        pairs: how many.
        seed: of the draws.
        classes: whether the targets are classes.
        groups: values whose rows stay together, (n,), or None; then classes fall as they fall.

    Raises:
        InputError: a class with a single row, or a single group.

    >>> one, other = complementary_halves(np.zeros(5), 1, seed=0, classes=False)
    >>> len(one[0]), len(np.union1d(*one)), (one[0] == other[1]).all()
    (2, 4, np.True_)

    Source: Shah and Samworth, Variable selection with error control (2013), section 2.
    """
    random = np.random.default_rng(seed)
    together = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
    stratum = np.zeros(len(y), dtype=int)
    if classes and groups is None:
        stratum = np.unique(y, return_inverse=True)[1]
        _check_counts(y)
    if together.max() < 1:
        raise InputError("expected two groups of rows or more to halve, got one")
    folds: list[RowSplit] = []
    for _ in range(pairs):
        sides = _halves(together, stratum, random)
        first, second = (np.flatnonzero(np.isin(together, side)) for side in sides)
        folds += [(first, second), (second, first)]
    return folds


def _halves(
    together: np.ndarray, stratum: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the groups of each half: in a random order, class by class, every second one."""
    groups = int(together.max()) + 1
    of_group = np.zeros(groups, dtype=int)
    of_group[together] = random.permutation(stratum.max() + 1)[stratum]
    order = random.permutation(groups)
    order = order[np.argsort(of_group[order], kind="stable")]
    order = order[int(random.integers(2)) * (groups % 2) :]  # an odd one is the first or the last
    half = len(order) // 2
    return order[0 : 2 * half : 2], order[1 : 2 * half : 2]


def _check_counts(y: np.ndarray) -> None:
    labels, counts = np.unique(y, return_counts=True)
    if counts.min() < 2:
        numbers = "say --task regression, " if y.dtype.kind in "iuf" else ""
        raise InputError(
            f"expected at least 2 rows of each class to halve, got 1 of {labels[counts.argmin()]}; "
            f"{numbers}drop it, or merge rare classes (rare='other' in Python)"
        )
