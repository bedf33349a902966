"""Complementary halves of the rows."""

from __future__ import annotations

import numpy as np
import pytest

from shrinkage.errors import InputError
from shrinkage.paths.selecting.halves import complementary_halves


@pytest.mark.parametrize("rows", [20, 21])
def test_halves_of_a_pair_share_no_row_and_every_row_falls_everywhere(rows: int) -> None:
    halves = complementary_halves(np.zeros(rows), 200, 0, classes=False)
    assert len(halves) == 400
    counts = np.zeros(rows)
    for (first, second), (third, fourth) in zip(halves[::2], halves[1::2], strict=True):
        assert len(first) == len(second) == rows // 2
        assert not np.intersect1d(first, second).size
        np.testing.assert_array_equal(first, fourth)
        np.testing.assert_array_equal(second, third)
        counts[first] += 1
    expected = 200 * (rows // 2) / rows
    assert np.abs(counts - expected).max() < 4.5 * np.sqrt(200) / 2


def test_each_half_has_its_share_of_each_class() -> None:
    y = np.array(["a"] * 14 + ["b"] * 6)
    for first, second in complementary_halves(y, 20, 1, classes=True):
        assert (y[first] == "b").sum() == (y[second] == "b").sum() == 3


def test_rows_of_a_group_stay_together() -> None:
    groups = np.repeat(np.arange(7), 3)
    for first, second in complementary_halves(np.zeros(21), 10, 2, classes=True, groups=groups):
        assert not np.intersect1d(groups[first], groups[second]).size
        assert len(np.unique(groups[first])) == len(np.unique(groups[second])) == 3


def test_what_cannot_be_halved_is_refused() -> None:
    with pytest.raises(InputError, match="at least 2 rows of each class to halve, got 1 of b"):
        complementary_halves(np.array(["a", "a", "b"]), 1, 0, classes=True)
    with pytest.raises(InputError, match="got 1 of 9; say --task regression, drop it"):
        complementary_halves(np.array([1, 1, 9]), 1, 0, classes=True)
    with pytest.raises(InputError, match="two groups"):
        complementary_halves(np.zeros(4), 1, 0, classes=False, groups=np.ones(4))
