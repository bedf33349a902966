"""The data loss of counts, whose mean is the exponential of the output.

Who uses this: every engine, for `loss="poisson"`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import xlogy

from shrinkage.paths.engines.losses import by_output, of_mean, row_mean


@dataclass(frozen=True)
class StackedPoisson:
    """Mean over the rows of `eᵒ − y − y·(o − log y)`, half the Poisson deviance; 0·log 0 is 0.

    So strength is the alpha of scikit-learn's `PoissonRegressor`. Source: McCullagh and Nelder
    1989, Generalized linear models, section 6.2.
    """

    by_row = True

    def __call__(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the loss of each model, shape (models,).

        Args:
            outputs: logarithms of the means, (models, 1, rows).
            target: counts, or what they are of their mean, (rows,).
            weight: weights with mean one over the training rows, shape (rows,), or None.
        """
        return row_mean(_half_deviance(outputs, outputs.exp(), by_output(target)), weight)

    def with_gradient(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of each model, and (exp(output) − target)·weight/rows."""
        mean, target = outputs.exp(), by_output(target)
        losses = row_mean(_half_deviance(outputs, mean, target), weight)
        return losses, of_mean(mean.sub_(target), weight)

    def constant(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the loss of the best constant, the mean."""
        mean = float(np.average(target, weights=weight))
        return float(np.average(xlogy(target, target / mean), weights=weight)) if mean > 0 else 0.0

    def constant_outputs(
        self, target: np.ndarray, weight: np.ndarray | None, n_outputs: int
    ) -> np.ndarray:
        """Return the logarithm of the mean; where all counts are 0, of half a count.

        >>> StackedPoisson().constant_outputs(np.array([1.0, 3.0]), None, 1).round(3).tolist()
        [0.693]
        """
        mean = float(np.average(target, weights=weight))
        return np.full(n_outputs, np.log(max(mean, 0.5 / max(1, len(target)))))

    def said(self, outputs: np.ndarray, target: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Return the outputs: a difference of 1 is a factor of e."""
        return outputs


def _half_deviance(outputs: torch.Tensor, mean: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the loss of each row, (models, rows)."""
    return (mean - target * outputs + (torch.xlogy(target, target) - target)).squeeze(1)
