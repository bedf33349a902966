"""A small regression table for the tests of paths."""

from __future__ import annotations

import numpy as np


def table(rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Return rows whose columns have other scales, and a target with an offset."""
    random = np.random.default_rng(11)
    X = random.normal(size=(rows, 4)) * [1.0, 10.0, 0.1, 5.0] + [0.0, 3.0, 1.0, -7.0]
    signal = X[:, 0] + 0.2 * X[:, 1] + 3.0 * X[:, 2]
    return X, 50.0 + 4.0 * signal + random.normal(size=rows)
