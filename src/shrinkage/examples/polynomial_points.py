"""Fourteen noisy points of a smooth curve, one of them an outlier, and polynomials through them.

Who uses this: the experiment `polynomial` and its figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

POINTS, NOISE, OUTLIER = 14, 0.15, 1.0
LOW, HIGH = 3, 10
GRID = np.linspace(-1.0, 1.0, 201)


def truth(x: np.ndarray) -> np.ndarray:
    """Return the curve that the points lie around."""
    return np.sin(2.5 * x)


@dataclass(frozen=True, eq=False)
class Points:
    """Places and noisy values; one value in the middle is off by `OUTLIER`."""

    x: np.ndarray
    y: np.ndarray

    @classmethod
    def drawn(cls, seed: int) -> Points:
        """Return the points of a seed."""
        generator = np.random.default_rng(seed)
        x = np.linspace(-1.0, 1.0, POINTS)
        y = truth(x) + NOISE * generator.normal(size=POINTS)
        y[generator.integers(POINTS // 4, 3 * POINTS // 4)] += OUTLIER
        return cls(x, y)


def columns(x: np.ndarray, degree: int = HIGH) -> np.ndarray:
    """Return the Legendre polynomials of degree 1, …, `degree` as columns.

    They span what x, x², … span, and are nearly uncorrelated on points between −1 and 1, so that
    a penalty on one coefficient does not fall on the others.

    >>> columns(np.array([0.5]), 2)
    array([[ 0.5  , -0.125]])
    """
    return np.polynomial.legendre.legvander(x, degree)[:, 1:]


def plain_fit(points: Points, degree: int) -> np.ndarray:
    """Return the least-squares polynomial's values on the grid."""
    return np.polynomial.Polynomial.fit(points.x, points.y, degree)(GRID)


def off_truth(values: np.ndarray) -> float:
    """Return the root of the mean squared difference from the true curve."""
    return float(np.sqrt(np.mean((values - truth(GRID)) ** 2)))
