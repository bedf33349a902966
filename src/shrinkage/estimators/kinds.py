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
from shrinkage.estimators.several import checked_labels, dense_targets


class Classifies(ClassifierMixin):
    """Labels, probabilities and logits of classes, or of several labels of 0 and 1."""

    task = "classification"

    classes_: np.ndarray
    _several = False
    _outputs: Any
    _affine: Any

    def __sklearn_tags__(self) -> Any:
        """Return the tags: several labels, too."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _targets(self, y: Any) -> np.ndarray:
        """Return checked labels, and learn which there are.

        Raises:
            InputError: fewer than two classes, or several targets that are not 0 and 1.
        """
        y = dense_targets(y)
        self._several = y.ndim > 1
        if self._several:
            self.classes_ = np.arange(y.shape[1])
            return checked_labels(y)
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
            Logits (n, classes); of two classes the second's logit minus the first's, (n,); of
            several labels the logit of each, (n, labels).
        """
        outputs = self._outputs(X)
        two = outputs.shape[1] == 2 and not self._several
        return outputs[:, 1] - outputs[:, 0] if two else outputs

    def predict_proba(self, X: object) -> np.ndarray:
        """Return class probabilities (n, classes), in the order of `classes_`; rows sum to 1.

        Of several labels they are those of each being there, (n, labels), as `MLPClassifier` has.

        Args:
            X: rows, (n, n_features).
        """
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: object) -> np.ndarray:
        """Return logarithms of the class probabilities, (n, classes).

        Args:
            X: rows, (n, n_features).
        """
        logits = self._outputs(X)
        if self._several:
            return -np.logaddexp(0.0, -logits)
        return logits - np.logaddexp.reduce(logits, axis=1)[:, None]

    def predict(self, X: object) -> np.ndarray:
        """Return the label of the largest probability for each row, (n,).

        Of several labels it is 1 where the label is there, else 0, (n, labels).

        Args:
            X: rows, (n, n_features).
        """
        outputs = self._outputs(X)
        if self._several:
            return (outputs > 0).astype(np.int64)
        return self.classes_[outputs.argmax(axis=1)]

    @property
    def coef_(self) -> np.ndarray:
        """Return coefficients of the raw columns: (classes, n_features), of two classes (1, …).

        Of several labels they have a row for each.
        """
        return self._rows(self._affine("coef_")[0])

    @property
    def intercept_(self) -> np.ndarray:
        """Return intercepts (classes,), of two classes (1,)."""
        return self._rows(self._affine("intercept_")[1])

    def _rows(self, values: np.ndarray) -> np.ndarray:
        """Return the second class's numbers minus the first's where there are two."""
        return values[1:] - values[:1] if len(values) == 2 and not self._several else values


class Regresses(RegressorMixin):
    """Numbers in the target's unit, of one target or of several."""

    task = "regression"

    _outputs: Any
    _affine: Any

    def _targets(self, y: Any) -> np.ndarray:
        return dense_targets(y).astype(np.float64)

    def predict(self, X: object) -> np.ndarray:
        """Return the expected number for each row, (n,); of several targets (n, targets).

        Args:
            X: rows, (n, n_features).
        """
        outputs = self._outputs(X)
        return outputs if outputs.shape[1] > 1 else outputs[:, 0]

    @property
    def coef_(self) -> np.ndarray:
        """Return the coefficients of the raw columns, (n_features,), or (targets, n_features)."""
        coefficients = self._affine("coef_")[0]
        return coefficients if len(coefficients) > 1 else coefficients[0]

    @property
    def intercept_(self) -> Any:
        """Return the intercept, of several targets (targets,)."""
        intercepts = self._affine("intercept_")[1]
        return intercepts if len(intercepts) > 1 else float(intercepts[0])
