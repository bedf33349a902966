"""Losses: how wrong the outputs of a batch are, and which way would be better.

Who uses this: `fit`, `Trainer` and `gradient_check`. Each is a mean over the rows, so that neither
the gradient nor a strength depends on the size of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.scratch import shapes


@dataclass(frozen=True)
class SoftmaxCrossEntropy:
    """−log softmax(outputs)[label], mean over the rows; labels are whole numbers from 0.

    >>> value, gradient = SoftmaxCrossEntropy()(np.array([[0.0, 0.0]]), np.array([1]))
    >>> round(float(value), 4), gradient
    (0.6931, array([[ 0.5, -0.5]]))
    """

    def __call__(self, outputs: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss, and its gradient (softmax − one-hot label) / rows."""
        target = self.checked(target, *shapes.table(outputs))
        shifted = outputs - outputs.max(axis=1, keepdims=True)  # so that exp cannot overflow
        log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        row = np.arange(len(outputs))
        gradient = np.exp(log_probability)
        gradient[row, target] -= 1
        return float(-log_probability[row, target].mean()), gradient / len(outputs)

    def checked(self, target: Any, rows: int, outputs: int) -> np.ndarray:
        """Return labels that fit the outputs, or say what it got instead."""
        return shapes.labels(target, rows, outputs)

    def accuracy(self, outputs: np.ndarray, target: np.ndarray) -> float | None:
        """Return the share of rows whose largest output is the label's."""
        return float((outputs.argmax(axis=1) == target).mean())


@dataclass(frozen=True)
class HalfSquaredError:
    """½ ‖output − target‖², mean over the rows, so that a strength is scikit-learn's alpha.

    >>> value, gradient = HalfSquaredError()(np.array([[3.0]]), np.array([[1.0]]))
    >>> value, gradient
    (2.0, array([[2.]]))
    """

    def __call__(self, outputs: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss, and its gradient (output − target) / rows."""
        error = outputs - self.checked(target, *shapes.table(outputs))
        return float(0.5 * (error**2).sum() / len(error)), error / len(error)

    def checked(self, target: Any, rows: int, outputs: int) -> np.ndarray:
        """Return targets of shape (rows, outputs), or say what it got instead."""
        return shapes.targets(target, rows, outputs)

    def accuracy(self, outputs: np.ndarray, target: np.ndarray) -> float | None:  # noqa: ARG002
        """Return None: numbers are more or less wrong, never right."""
        return None


Loss = SoftmaxCrossEntropy | HalfSquaredError
