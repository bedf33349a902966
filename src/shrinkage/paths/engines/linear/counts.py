"""The data loss of counts, by the promises of `losses.Loss`.

Who uses this: the solver and the certificate.
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from shrinkage.paths.engines.linear.losses import OneOutput, Place, outputs_of


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
        self._y = y
        self._rest = xlogy(y, y) - y
        self.bound = max(float(share @ y / share.sum()), 0.5 / len(y))

    def start(self) -> np.ndarray:
        """Return the logarithm of the mean; where all counts are 0, of half a count."""
        return np.array([np.log(self.bound)])

    def at(self, weights: np.ndarray, intercept: np.ndarray) -> Place:
        """Return the loss at weights (1, inputs), infinite beyond the largest number."""
        outputs = outputs_of(self.x, weights)[0] + intercept[0]
        with np.errstate(over="ignore"):
            mean = np.exp(outputs)
        if not np.isfinite(mean).all():
            return Place(weights, intercept, np.inf, np.zeros((1, len(mean))), mean[None])
        value = float(self.share @ (mean - self._y * outputs + self._rest))
        return Place(weights, intercept, value, (self.share * (mean - self._y))[None], mean[None])

    def _bend(self, place: Place) -> np.ndarray:
        """Return share · μ."""
        assert place.chance is not None
        return self.share * place.chance[0]

    def dual(self, place: Place, scale: float) -> float:
        """Return Σ share (q − q log q − y + y log y) with q = y + scale · (μ − y)."""
        assert place.chance is not None
        q = self._y + scale * (place.chance[0] - self._y)
        return float(self.share @ (q - xlogy(q, q) + self._rest))

    def separates(self, place: Place, below: float) -> bool:
        """Return whether nearly nothing is left of the deviance."""
        return place.value < below
