"""The data loss of several labels a row: each is there or not, whatever the others are.

Who uses this: every engine, for targets of the task `multi-label`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import softplus

from shrinkage.paths.engines.losses import by_output, of_mean, row_mean


@dataclass(frozen=True)
class StackedBinaryCrossEntropy:
    """Mean over the rows of the sum over labels of `log(1 + eᵒ) − y·o`; y is 0 or 1.

    It is the sum of independent logistic regressions: with a penalty that is a sum over weights
    each label has the model that it has alone.
    """

    by_row = True

    def __call__(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the loss of each model, shape (models,).

        Args:
            outputs: logits, (models, labels, rows).
            target: 0 and 1, (rows, labels).
            weight: weights with mean one over the training rows, shape (rows,), or None.
        """
        losses = softplus(outputs) - outputs * by_output(target)
        return row_mean(losses.sum(dim=1), weight)

    def with_gradient(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of each model, and (sigmoid(output) − target)·weight/rows."""
        losses = self(outputs, target, weight)
        return losses, of_mean(torch.sigmoid(outputs) - by_output(target), weight)

    def constant(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the loss of the best constant: the entropies of the labels' shares, added up."""
        share = np.average(target, axis=0, weights=weight)
        some = share[(share > 0) & (share < 1)]
        return float(-(some * np.log(some) + (1 - some) * np.log1p(-some)).sum())

    def constant_outputs(
        self, target: np.ndarray, weight: np.ndarray | None, n_outputs: int
    ) -> np.ndarray:
        """Return the logits of the labels' shares; of none or all of the rows half a row less.

        >>> target = np.array([[0, 1], [1, 1], [0, 1], [0, 0]])
        >>> StackedBinaryCrossEntropy().constant_outputs(target, None, 2).round(2).tolist()
        [-1.1, 1.1]
        """
        del n_outputs
        share = np.average(np.asarray(target, dtype=np.float64), axis=0, weights=weight)
        least = 0.5 / max(1, len(target))
        share = np.clip(share, least, 1 - least)
        return np.log(share) - np.log1p(-share)

    def said(self, outputs: np.ndarray, target: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Return the probabilities of the labels."""
        return np.exp(-np.logaddexp(0.0, -outputs.astype(np.float64)))
