"""Rows divided by time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import TimeSeriesSplit

from shrinkage.datasets.time_folds import time_folds, time_ranks, time_test
from shrinkage.errors import InputError


@pytest.mark.parametrize("rows", [12, 20, 23])
@pytest.mark.parametrize("folds", [2, 3, 5])
def test_folds_of_different_times_are_scikit_learns(rows, folds):
    time = np.random.default_rng(rows).permutation(rows)
    order = np.argsort(time)
    expected = TimeSeriesSplit(folds).split(order)
    for (fit, held), (peer_fit, peer_held) in zip(time_folds(time, folds), expected, strict=True):
        np.testing.assert_array_equal(fit, np.sort(order[peer_fit]))
        np.testing.assert_array_equal(held, order[peer_held])


def test_equal_times_stand_on_one_side_and_the_past_trains():
    time = np.random.default_rng(0).integers(0, 9, 100)
    folds = time_folds(time, 4)
    assert len(folds) == 4
    for fit, held in folds:
        assert time[fit].max() < time[held].min()
    everywhere = np.concatenate([held for _, held in folds])
    assert len(np.unique(everywhere)) == len(everywhere)
    train, test = time_test(time, 0.2)
    assert time[train].max() < time[test].min()
    assert len(train) + len(test) == 100
    assert 10 <= len(test) <= 30


def test_too_few_times_are_refused():
    with pytest.raises(InputError, match="fewer --folds"):
        time_folds(np.repeat([0, 1, 2], 5), 5)
    with pytest.raises(InputError, match="fewer --folds"):
        time_folds(np.array([0] * 90 + [1, 2, 3]), 3)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1.0, np.nan], "got a missing value"),
        (["a", "b"], "got text such as 'a'"),
        ([2, 2, 2], "expected different times"),
    ],
)
def test_what_is_no_time_is_refused(values, said):
    with pytest.raises(InputError, match=said):
        time_ranks(values, "when")


def test_dates_have_an_order():
    dates = pd.to_datetime(["2021-03-01", "2020-01-01", "2021-03-01"])
    assert time_ranks(dates, "when").tolist() == [1, 0, 1]
