"""What cautions reckon of all rows or columns at once is what each alone gives."""

from __future__ import annotations

import numpy as np
import pytest

from shrinkage.datasets.cautions.duplicates import numbers_of_rows
from shrinkage.datasets.cautions.leaks import ranks


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8])
def test_rows_have_one_number_where_they_are_equal_and_only_there(dtype):
    random = np.random.default_rng(0)
    rows = random.integers(0, 3, (4000, 4)).astype(dtype)
    if dtype is np.int64:
        rows += 2**60  # beyond what a float tells apart
    numbers = numbers_of_rows(rows)
    whole = np.unique(rows, axis=0, return_inverse=True)[1].ravel()
    assert len(np.unique(numbers)) == whole.max() + 1
    assert all(len(np.unique(numbers[whole == own])) == 1 for own in range(whole.max() + 1))


def test_columns_are_ranked_together_as_each_alone():
    x = np.random.default_rng(0).integers(0, 9, (50, 6)).astype(float)
    expected = [
        [(column < v).sum() + ((column == v).sum() + 1) / 2 for v in column] for column in x.T
    ]
    assert np.array_equal(ranks(x), np.array(expected).T)
