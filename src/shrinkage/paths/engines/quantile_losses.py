"""The data loss of a quantile: the pinball loss.

Who uses this: every engine, for `loss="quantile:0.9"`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from shrinkage.paths.engines.losses import by_output, of_mean, row_mean


@dataclass(frozen=True)
class StackedPinball:
    """Mean over the rows of `q·(y − o)` where that is positive, else `(1 − q)·(o − y)`.

    Its best constant is the q-quantile. Source: Koenker and Bassett 1978, Regression quantiles,
    Econometrica 46; strength is the alpha of scikit-learn's `QuantileRegressor`.

    Args:
        quantile: q, between 0 and 1.
    """

    quantile: float

    by_row = True

    def __call__(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the loss of each model, shape (models,).

        Args:
            outputs: (models, 1, rows).
            target: (rows,).
            weight: weights with mean one over the training rows, shape (rows,), or None.
        """
        beyond = (by_output(target) - outputs).squeeze(1)
        return row_mean(torch.maximum(self.quantile * beyond, (self.quantile - 1) * beyond), weight)

    def with_gradient(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of each model, and −q or 1 − q by row, 0 at the kink, as a mean's."""
        losses = self(outputs, target, weight)
        side = torch.sign(outputs - by_output(target))
        gradient = side.add_(1 - 2 * self.quantile).mul_(0.5).mul_(outputs != by_output(target))
        return losses, of_mean(gradient, weight)

    def constant(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the loss of the best constant."""
        beyond = target - self._of(target, weight)
        losses = np.maximum(self.quantile * beyond, (self.quantile - 1) * beyond)
        return float(np.average(losses, weights=weight))

    def constant_outputs(
        self, target: np.ndarray, weight: np.ndarray | None, n_outputs: int
    ) -> np.ndarray:
        """Return the quantile of the targets, the least of those that share the least loss.

        >>> StackedPinball(0.75).constant_outputs(np.array([1.0, 2.0, 3.0, 4.0]), None, 1).tolist()
        [3.0]
        """
        return np.full(n_outputs, self._of(target, weight))

    def said(self, outputs: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Return the outputs in standard deviations of the targets."""
        spread = float(np.asarray(target, dtype=np.float64).std())
        return outputs / (spread or 1.0)

    def _of(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        order = np.argsort(target, kind="stable")
        counts = np.ones(len(target)) if weight is None else np.asarray(weight, dtype=np.float64)
        share = np.cumsum(counts[order])
        place = int(np.searchsorted(share, self.quantile * share[-1] * (1 - 1e-12)))
        return float(target[order][min(place, len(target) - 1)])
