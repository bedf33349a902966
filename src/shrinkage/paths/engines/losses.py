"""Data losses of a stack of models, and the loss of the best constant.

Who uses this: both engines. Outputs come as (models, outputs, rows), the layout in which a
stack computes; a single model is a stack of one. Every loss is one number a model, never summed
over models before weights are applied, so one model's NaN stays its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class StackedCrossEntropy:
    """Mean over the rows of `−log softmax(outputs)[label]`; labels are integers from 0."""

    def __call__(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the loss of each model, shape (models,).

        Args:
            outputs: logits, shape (models, classes, rows).
            target: labels, shape (rows,).
            weight: weights with mean one over the training rows, shape (rows,), or None.
        """
        models = outputs.shape[0]
        log_probability = torch.log_softmax(outputs, dim=1)
        index = target.view(1, 1, -1).expand(models, 1, -1)
        losses = -log_probability.gather(1, index).squeeze(1)
        return _row_mean(losses, weight)

    def constant(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the loss of the best constant: the entropy of the class frequencies."""
        counts = np.bincount(target, weights=weight)
        share = counts[counts > 0] / counts.sum()
        return float(-(share * np.log(share)).sum())


@dataclass(frozen=True)
class StackedSquaredError:
    """Mean over the rows of `½ (output − target)²`, so that strength is scikit-learn's alpha."""

    def __call__(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the loss of each model, shape (models,); outputs are (models, 1, rows)."""
        losses = 0.5 * (outputs.squeeze(1) - target) ** 2
        return _row_mean(losses, weight)

    def constant(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the loss of the best constant: half the variance."""
        mean = np.average(target, weights=weight)
        return float(0.5 * np.average((target - mean) ** 2, weights=weight))


def _row_mean(losses: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    if weight is not None:
        losses = losses * weight
    return losses.mean(dim=-1)


LOSSES = {"classification": StackedCrossEntropy(), "regression": StackedSquaredError()}
