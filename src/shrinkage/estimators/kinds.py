"""Classes or numbers: what makes an estimator a classifier or a regressor of scikit-learn's.

Who uses this: the estimators, of one strength and of a path.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets

from shrinkage.datasets.targets import plain_label
from shrinkage.errors import InputError


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities (rows, classes) of logits.

    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


class Classifies(ClassifierMixin):
    """Labels, probabilities and logits of classes."""

    task = "classification"

    classes_: np.ndarray
    _outputs: Any
    _affine: Any

    def _targets(self, y: np.ndarray) -> np.ndarray:
        """Return checked labels, and learn which there are.

        Raises:
            InputError: fewer than two classes.
        """
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            only = plain_label(self.classes_[0])
            raise InputError(
                f"expected at least 2 classes in y, got 1 class ({only!r}): give rows of another"
            )
        return y

    def decision_function(self, X: object) -> np.ndarray:
        """Return how far rows speak for the classes.

        Args:
            X: rows, (n, n_features).

        Returns:
            Logits (n, classes); of two classes the second's logit minus the first's, (n,).
        """
        outputs = self._outputs(X)
        return outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == 2 else outputs

    def predict_proba(self, X: object) -> np.ndarray:
        """Return class probabilities (n, classes), in the order of `classes_`; rows sum to 1.

        Args:
            X: rows, (n, n_features).
        """
        return softmax(self._outputs(X))

    def predict_log_proba(self, X: object) -> np.ndarray:
        """Return logarithms of the class probabilities, (n, classes).

        Args:
            X: rows, (n, n_features).
        """
        logits = self._outputs(X)
        return logits - np.logaddexp.reduce(logits, axis=1)[:, None]

    def predict(self, X: object) -> np.ndarray:
        """Return the label of the largest probability for each row, (n,).

        Args:
            X: rows, (n, n_features).
        """
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

    @property
    def coef_(self) -> np.ndarray:
        """Return coefficients of the raw columns: (classes, n_features), of two classes (1, …)."""
        return _of_two(self._affine("coef_")[0])

    @property
    def intercept_(self) -> np.ndarray:
        """Return intercepts (classes,), of two classes (1,)."""
        return _of_two(self._affine("intercept_")[1])


def _of_two(values: np.ndarray) -> np.ndarray:
    """Return the second class's numbers minus the first's where there are two."""
    return values[1:] - values[:1] if len(values) == 2 else values


class Regresses(RegressorMixin):
    """Numbers in the target's unit."""

    task = "regression"

    _outputs: Any
    _affine: Any

    def _targets(self, y: np.ndarray) -> np.ndarray:
        return np.asarray(y, dtype=np.float64)

    def predict(self, X: object) -> np.ndarray:
        """Return the expected number for each row, (n,).

        Args:
            X: rows, (n, n_features).
        """
        return self._outputs(X)[:, 0]

    @property
    def coef_(self) -> np.ndarray:
        """Return the coefficients of the raw columns, (n_features,)."""
        return self._affine("coef_")[0][0]

    @property
    def intercept_(self) -> float:
        """Return the intercept."""
        return float(self._affine("intercept_")[1][0])
