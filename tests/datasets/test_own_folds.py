"""Folds of a person's own: what a splitter yields is used, or refused with the reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import (
    GroupKFold,
    PredefinedSplit,
    RepeatedStratifiedKFold,
    TimeSeriesSplit,
)

from shrinkage.datasets.own_folds import checked_folds, own_folds
from shrinkage.errors import InputError

Y = np.arange(12) % 2
ONE = ([0, 1], [2, 3])


class Halves:
    """A splitter of a person's own, which knows no groups."""

    def split(self, X: Any, y: Any) -> Any:
        rows = np.arange(len(X))
        assert len(y) == len(X)
        yield rows[::2], rows[1::2]
        yield rows[1::2], rows[::2]


@pytest.mark.parametrize(
    ("splitter", "groups", "count"),
    [
        (TimeSeriesSplit(3), None, 3),
        (RepeatedStratifiedKFold(n_splits=2, n_repeats=3, random_state=0), None, 6),
        (GroupKFold(3), np.arange(12) // 4, 3),
        (PredefinedSplit([-1] * 6 + [0] * 6), None, 1),
        ((pair for pair in (ONE, ([4, 5, 6], [7]))), None, 2),
        ([(Y == 0, Y == 1)], None, 1),
        (Halves(), None, 2),
    ],
    ids=["time", "repeated", "groups", "predefined", "generator", "masks", "no groups"],
)
def test_any_splitter_divides(splitter: Any, groups: np.ndarray | None, count: int) -> None:
    folds = own_folds(checked_folds(splitter), Y, groups)
    assert len(folds) == count
    for fit, held in folds:
        assert len(fit)
        assert len(held)
        assert not np.intersect1d(fit, held).size
        if groups is not None:
            assert not np.intersect1d(groups[fit], groups[held]).size


@pytest.mark.parametrize(
    ("folds", "said"),
    [
        ([([0, 1, 2], [2, 3])], "fold 1: 1 rows on both sides, such as row 2"),
        ([ONE, ([0, 1], [])], "fold 2: no validation rows"),
        ([([], [3])], "fold 1: no training rows"),
        ([([0, 1], [12])], "row 12 of 12; .*test_size=0"),
        ([([0, -1], [3])], "row -1 of 12"),
        ([([0, 1], [3, 3])], "a validation row twice"),
        ([], "a splitter that yields none"),
        (GroupKFold(3), "groups="),
        (TimeSeriesSplit(20), "divides 12 rows, but TimeSeriesSplit"),
        ([([0.5], [1])], "pairs \\(training rows, validation rows\\) of whole numbers"),
        ([1, 2], "pairs"),
        ("five", "got 'five'"),
        (None, "got None"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_refused(folds: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        own_folds(checked_folds(folds), Y, None)


def test_groups_that_a_splitter_cannot_take_are_not_dropped() -> None:
    with pytest.raises(InputError, match="Halves"):
        own_folds(checked_folds(Halves()), Y, np.arange(12) // 4)
