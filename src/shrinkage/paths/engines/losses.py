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

    @property
    def by_row(self) -> bool:
        """Return whether it is a mean over the rows, so that it may be taken block by block."""
        ...

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

    def said(self, outputs: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Return what outputs say: a difference of 1 between rows says a lot.

        Args:
            outputs: (…, outputs, rows), of one model or of many.
            target: encoded targets of training, whose spread is the measure of numbers.
        """
        ...


@dataclass(frozen=True)
class StackedCrossEntropy:
    """Mean over the rows of `−log softmax(outputs)[label]`; labels are integers from 0."""

    by_row = True

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
        return row_mean(losses, weight)

    def with_gradient(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of each model, and (softmax − one where it is the label)·weight/rows."""
        if kernels.takes(outputs, target, weight):
            return kernels.cross_entropy(outputs, target, weight)
        log_probability = torch.log_softmax(outputs, dim=1)
        index = target.view(1, 1, -1).expand(outputs.shape[0], 1, -1)
        losses = row_mean(-log_probability.gather(1, index).squeeze(1), weight)
        gradient = log_probability.exp_()
        gradient.scatter_add_(1, index, gradient.new_full((1, 1, 1), -1.0).expand(index.shape))
        return losses, of_mean(gradient, weight)

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

    def said(self, outputs: np.ndarray, target: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Return the probabilities of the classes."""
        values = outputs.astype(np.float64)
        values -= values.max(axis=-2, keepdims=True)
        np.exp(values, out=values)
        values /= values.sum(axis=-2, keepdims=True)
        return values


@dataclass(frozen=True)
class StackedSquaredError:
    """Mean over the rows of `½ (output − target)²`, so that strength is scikit-learn's alpha.

    Of several targets it is the sum: with a penalty that is a sum over weights each target has the
    model that it has alone, as in scikit-learn's `MultiTaskLasso` and `Ridge`.
    """

    by_row = True

    def __call__(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the loss of each model, shape (models,).

        Args:
            outputs: (models, targets, rows).
            target: (rows,), or (rows, targets) where they are several.
            weight: weights with mean one over the training rows, shape (rows,), or None.
        """
        return row_mean(0.5 * squared_sum(outputs - by_output(target)), weight)

    def with_gradient(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of each model, and (output − target)·weight/rows."""
        gradient = outputs - by_output(target)
        losses = row_mean(0.5 * squared_sum(gradient), weight)
        return losses, of_mean(gradient, weight)

    def constant(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the loss of the best constant: half the variance, of several targets their sum."""
        mean = np.average(target, axis=0, weights=weight)
        return float(0.5 * np.average((target - mean) ** 2, axis=0, weights=weight).sum())

    def constant_outputs(
        self, target: np.ndarray, weight: np.ndarray | None, n_outputs: int
    ) -> np.ndarray:
        """Return the mean target, of several each."""
        return np.full(n_outputs, np.average(target, axis=0, weights=weight))

    def said(self, outputs: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Return the outputs in standard deviations of the targets."""
        spread = np.asarray(target, dtype=np.float64).std(axis=0)
        return outputs / np.where(spread > 0, spread, 1.0).reshape(-1, 1)


@dataclass(frozen=True)
class ShiftedLoss:
    """A loss of outputs that are moved by a constant, as if the output bias began there."""

    loss: StackedLoss
    shift: tuple[float, ...]

    @property
    def by_row(self) -> bool:
        """Return whether the loss itself is a mean over the rows."""
        return self.loss.by_row

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

    def said(self, outputs: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Return what the moved outputs say."""
        return self.loss.said(outputs + np.array(self.shift).reshape(-1, 1), target)


@lru_cache(maxsize=16)
def _row(numbers: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Return numbers as (1, outputs, 1); a step that is captured must not bring them again."""
    return torch.tensor(numbers, dtype=dtype, device=device).view(1, -1, 1)


def by_output(target: torch.Tensor) -> torch.Tensor:
    """Return targets (rows,) or (rows, targets) in the layout of outputs, (targets, rows)."""
    return target.unsqueeze(0) if target.ndim == 1 else target.t()


def squared_sum(values: torch.Tensor) -> torch.Tensor:
    """Return the squares of (models, outputs, rows), summed over the outputs."""
    return values.squeeze(1) ** 2 if values.shape[1] == 1 else values.square().sum(dim=1)


def row_mean(losses: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    """Return the mean over the rows of losses (models, rows), weighted."""
    if weight is not None:
        losses = losses * weight
    return losses.mean(dim=-1)


def of_mean(gradient: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
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
