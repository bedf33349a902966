"""The data loss of counts, by the promises of `losses.Loss`.

Who uses this: the solver and the certificate.
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from shrinkage.paths.engines.linear.losses import OneOutput, Place


class Counts(OneOutput):
    """Σ share · (μ − y − y log(μ/y)) with μ = exp(xw + b): half the Poisson deviance.

    Args:
        x: (rows, inputs).
        y: (rows,) at least 0.
        share: (rows,).
    """

    is_even = False

    def __init__(self, x: np.ndarray, y: np.ndarray, share: np.ndarray) -> None:
        super().__init__(x, share)
        self.target = y
        self._rest = xlogy(y, y) - y
        self._log = np.log(np.where(y > 0, y, 1.0))
        self.bound = max(float(share @ y / share.sum()), 0.5 / len(y))

    def start(self) -> np.ndarray:
        """Return the logarithm of the mean; where all counts are 0, of half a count."""
        return np.array([np.log(self.bound)])

    def judged(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return losses, pulls and means of outputs (models, rows).

        Large counts leave no rounding: y (exp(d) − 1 − d) with d = output − log y.
        """
        away = np.where(self.target > 0, outputs - self._log, 0.0)
        with np.errstate(over="ignore"):
            means = np.exp(outputs)
            each = np.where(self.target > 0, self.target * (np.expm1(away) - away), means)
        beyond = ~np.isfinite(each + means).all(axis=1)
        means[beyond], each[beyond] = self.target, np.inf
        values = each @ self.share
        return values, self.share * (means - self.target), means

    def _bend(self, place: Place) -> np.ndarray:
        """Return share · μ."""
        assert place.chance is not None
        return self.share * place.chance[0]

    def duals(self, chances: np.ndarray, scales: np.ndarray) -> np.ndarray:
        """Return Σ share (q − q log q − y + y log y) with q = y + scale · (μ − y)."""
        q = self.target + scales[:, None] * (chances - self.target)
        return (q - xlogy(q, q) + self._rest) @ self.share

    def separates(self, place: Place, below: float) -> bool:
        """Return whether nearly nothing is left of the deviance."""
        return place.value < below
