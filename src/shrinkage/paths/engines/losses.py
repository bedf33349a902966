"""Data losses of a stack of models, and the loss of the best constant.

Who uses this: every engine, and the search for the top of the grid. Outputs come as (models,
outputs, rows), the layout in which a stack computes; a single model is a stack of one. Every loss
is one number a model, never summed over models before weights are applied, so one model's NaN
stays its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch

from shrinkage.paths.engines import kernels


class StackedLoss(Protocol):
    """A data loss of a stack of models."""

    def __call__(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the mean loss of each model, shape (models,)."""
        ...

    def constant(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the loss of the best constant."""
        ...

    def constant_outputs(
        self, target: np.ndarray, weight: np.ndarray | None, n_outputs: int
    ) -> np.ndarray:
        """Return the outputs of the best constant, shape (outputs,)."""
        ...


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

    def with_gradient(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of each model, and (softmax − one where it is the label)·weight/rows."""
        if kernels.takes(outputs, target, weight):
            return kernels.cross_entropy(outputs, target, weight)
        log_probability = torch.log_softmax(outputs, dim=1)
        index = target.view(1, 1, -1).expand(outputs.shape[0], 1, -1)
        losses = _row_mean(-log_probability.gather(1, index).squeeze(1), weight)
        gradient = log_probability.exp_()
        gradient.scatter_add_(1, index, gradient.new_full((1, 1, 1), -1.0).expand(index.shape))
        return losses, _of_mean(gradient, weight)

    def constant(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the loss of the best constant: the entropy of the class frequencies."""
        counts = np.bincount(target, weights=weight)
        share = counts[counts > 0] / counts.sum()
        return float(-(share * np.log(share)).sum())

    def constant_outputs(
        self, target: np.ndarray, weight: np.ndarray | None, n_outputs: int
    ) -> np.ndarray:
        """Return the logarithms of the shares of the classes; one without rows has half a row.

        >>> shares = np.exp(StackedCrossEntropy().constant_outputs(np.array([0, 1, 1, 1]), None, 2))
        >>> shares.round(2).tolist()
        [0.25, 0.75]
        """
        counts = np.bincount(target, weights=weight, minlength=n_outputs).astype(np.float64)
        counts = np.maximum(counts, 0.5 * counts.sum() / max(1, len(target)))
        return np.log(counts / counts.sum())


@dataclass(frozen=True)
class StackedSquaredError:
    """Mean over the rows of `½ (output − target)²`, so that strength is scikit-learn's alpha."""

    def __call__(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the loss of each model, shape (models,); outputs are (models, 1, rows)."""
        losses = 0.5 * (outputs.squeeze(1) - target) ** 2
        return _row_mean(losses, weight)

    def with_gradient(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of each model, and (output − target)·weight/rows."""
        gradient = outputs - target
        losses = _row_mean(0.5 * gradient.squeeze(1) ** 2, weight)
        return losses, _of_mean(gradient, weight)

    def constant(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the loss of the best constant: half the variance."""
        mean = np.average(target, weights=weight)
        return float(0.5 * np.average((target - mean) ** 2, weights=weight))

    def constant_outputs(
        self, target: np.ndarray, weight: np.ndarray | None, n_outputs: int
    ) -> np.ndarray:
        """Return the mean target."""
        return np.full(n_outputs, np.average(target, weights=weight))


@dataclass(frozen=True)
class ShiftedLoss:
    """A loss of outputs that are moved by a constant, as if the output bias began there."""

    loss: StackedLoss
    shift: tuple[float, ...]

    def __call__(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the loss of each model, shape (models,)."""
        return self.loss(self._moved(outputs), target, weight)

    def with_gradient(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of each model, and its derivatives by the outputs."""
        return loss_and_gradient(self.loss, self._moved(outputs), target, weight)

    def _moved(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs + _row(self.shift, outputs.dtype, outputs.device)

    def constant(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the loss of the best constant, whatever the shift."""
        return self.loss.constant(target, weight)

    def constant_outputs(
        self, target: np.ndarray, weight: np.ndarray | None, n_outputs: int
    ) -> np.ndarray:
        """Return what a model adds to the shift to predict the best constant."""
        return self.loss.constant_outputs(target, weight, n_outputs) - np.array(self.shift)


@lru_cache(maxsize=16)
def _row(numbers: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Return numbers as (1, outputs, 1); a step that is captured must not bring them again."""
    return torch.tensor(numbers, dtype=dtype, device=device).view(1, -1, 1)


def _row_mean(losses: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    if weight is not None:
        losses = losses * weight
    return losses.mean(dim=-1)


def _of_mean(gradient: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    """Return the derivatives of a mean over the rows, (models, outputs, rows), in place."""
    if weight is not None:
        gradient.mul_(weight)
    return gradient.div_(gradient.shape[-1])


def loss_and_gradient(
    loss: Callable[..., torch.Tensor],
    outputs: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each model's loss and the derivatives of their sum by the outputs.

    A loss gives both by a method `with_gradient` of the same arguments; autograd differentiates
    one without it.
    """
    own = getattr(loss, "with_gradient", None)
    if own is not None:
        return own(outputs, target, weight)
    outputs = outputs.detach().requires_grad_()
    with torch.enable_grad():
        losses = loss(outputs, target, weight)
        (gradient,) = torch.autograd.grad(losses.sum(), outputs)
    return losses.detach(), gradient


LOSSES: dict[str, StackedLoss] = {
    "classification": StackedCrossEntropy(),
    "regression": StackedSquaredError(),
}
