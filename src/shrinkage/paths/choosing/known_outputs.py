"""Outputs of a model in the clothes of a scikit-learn estimator, for scikit-learn's scorers."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from shrinkage.datasets import TargetEncoding


def known_estimator(outputs: np.ndarray, encoding: TargetEncoding) -> BaseEstimator:
    """Return an estimator that predicts what outputs say; its X holds row positions, (rows, 1).

    Args:
        outputs: (outputs, rows), logits or regression values.
        encoding: turns them into labels or numbers of the target's unit.

    >>> encoding = TargetEncoding("classification", classes=("no", "yes"))
    >>> known_estimator(np.array([[0.0, 3.0], [1.0, 2.0]]), encoding).predict(np.array([[1]]))
    array(['no'], dtype=object)
    """
    if encoding.task == "classification":
        return KnownClassifier(outputs, encoding)
    if encoding.task == "multi-label":
        return KnownLabels(outputs, encoding)
    return KnownRegressor(outputs, encoding)


class _Known(BaseEstimator):
    def __init__(self, outputs: np.ndarray, target: TargetEncoding) -> None:
        self.outputs = outputs
        self.target = target

    def __sklearn_is_fitted__(self) -> bool:
        return True


class KnownClassifier(ClassifierMixin, _Known):
    """A classifier whose logits are known."""

    @property
    def classes_(self) -> np.ndarray:
        """Return the labels in the order of the outputs."""
        return np.asarray(self.target.classes)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return the labels with the largest logits."""
        return self.target.decode(self.outputs[:, rows[:, 0]].argmax(axis=0))

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        """Return the softmax of the logits, (rows, classes)."""
        logits = self.outputs[:, rows[:, 0]].T.astype(np.float64)
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)

    def decision_function(self, rows: np.ndarray) -> np.ndarray:
        """Return the logits, (rows, classes); of two classes the second's minus the first's."""
        logits = self.outputs[:, rows[:, 0]].T.astype(np.float64)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits


class KnownRegressor(RegressorMixin, _Known):
    """A regressor whose outputs are known."""

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return the numbers in the target's own unit."""
        return self.target.predict(self.outputs[:, rows[:, 0]])


class KnownLabels(ClassifierMixin, _Known):
    """A classifier of several labels whose logits are known."""

    @property
    def classes_(self) -> list[np.ndarray]:
        """Return 0 and 1 for each label."""
        return [np.array([0, 1])] * len(self.outputs)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return which labels are there, (rows, labels)."""
        return self.target.predict(self.outputs[:, rows[:, 0]])

    def decision_function(self, rows: np.ndarray) -> np.ndarray:
        """Return the logits, (rows, labels)."""
        return self.outputs[:, rows[:, 0]].T.astype(np.float64)

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        """Return the probabilities of the labels, (rows, labels)."""
        return np.exp(-np.logaddexp(0.0, -self.decision_function(rows)))
