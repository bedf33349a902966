"""Means and their standard errors over repetitions: seeds, splits, draws.

Who uses this: every experiment that repeats something by chance.
"""

from __future__ import annotations

import numpy as np


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Return the mean and its standard error, sd(ddof = 1)/√n.

    >>> mean_and_error(np.array([1.0, 3.0]))
    (2.0, 1.0)
    """
    return float(values.mean()), float(standard_error(values))


def standard_error(values: np.ndarray) -> np.ndarray:
    """Return sd(ddof = 1)/√n along the first axis, of repetitions.

    >>> standard_error(np.array([[1.0, 2.0], [3.0, 2.0]])).tolist()
    [1.0, 0.0]
    """
    return np.std(values, axis=0, ddof=1) / np.sqrt(len(values))
