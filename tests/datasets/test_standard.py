"""Means and scales of columns, beside row weights."""

from __future__ import annotations

import numpy as np

from shrinkage.datasets.preparation.standard import CONSTANT, learn


def test_constant_columns_beside_row_weights_bring_no_warning():
    """Weighted variances of theirs can lie below 0 by rounding."""
    random = np.random.default_rng(0)
    for _ in range(20):
        block = np.full((53, 3), [0.1, 1.0, 1e6]) * random.normal()
        block[:, 2] += 1e-4 * random.normal(size=53)
        weight = 10 * random.exponential(size=53) * (random.random(53) > 0.1)
        learned = learn(block, list("abc"), weight)
        assert [reason for reason, _ in learned] == [CONSTANT, CONSTANT, ""]
        assert not np.isnan([numbers.scale for _, numbers in learned]).any()
