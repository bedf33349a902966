"""Scores that choose a strength: any scorer of scikit-learn by name, never the penalty.

Who uses this: validation along the path and the one look at the test rows. Higher is better for
every scikit-learn scorer. Models are scored from their outputs alone, so a stack of models is
scored without an estimator object for each.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer, get_scorer_names

from shrinkage.datasets import TargetEncoding
from shrinkage.errors import InputError, near_names

DEFAULT_SCORES = {"classification": "accuracy", "regression": "r2"}


@dataclass(frozen=True)
class Scorer:
    """A score of a task by its scikit-learn name.

    Args:
        name: for example `accuracy`, `neg_log_loss`, `r2`.

    Raises:
        InputError: scikit-learn knows no such scorer.
    """

    name: str
    _metric: object = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            metric = get_scorer(self.name)
        except ValueError:
            hint = near_names(self.name, get_scorer_names()) or "accuracy and r2 are the defaults"
            raise InputError(
                f"unknown scorer {self.name!r}: expected a name of "
                f"sklearn.metrics.get_scorer_names(); {hint}"
            ) from None
        object.__setattr__(self, "_metric", metric)

    def check(self, encoding: TargetEncoding) -> None:
        """Try the scorer on made-up outputs, so that one that does not fit fails before training.

        Args:
            encoding: of the targets that will be scored.

        Raises:
            InputError: the scorer cannot score such targets from labels, probabilities or numbers.
        """
        classes = len(encoding.classes)
        codes = np.arange(4 * classes) % classes if classes else np.arange(1.0, 7.0)
        outputs = np.random.default_rng(0).normal(size=(1, encoding.n_outputs, len(codes)))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = self.score(outputs, encoding.decode(codes), None, encoding)[0]
        except Exception as error:
            reason = " ".join(str(error).split())[:160]
            raise InputError(
                f"the scorer {self.name} cannot score this {encoding.task} ({reason}); choose "
                "another, for example accuracy, f1_macro or roc_auc_ovr for classes, r2 for numbers"
            ) from None
        if not np.isfinite(value):
            raise InputError(
                f"the scorer {self.name} gives {value} for this {encoding.task}; choose another"
            )

    def score(
        self,
        outputs: np.ndarray,
        raw_target: np.ndarray,
        weight: np.ndarray | None,
        encoding: TargetEncoding,
    ) -> np.ndarray:
        """Return the score of each model, NaN for a model whose outputs are not finite.

        Args:
            outputs: (models, outputs, rows), logits or regression values.
            raw_target: the targets as the user gave them, (rows,).
            weight: sample weights (rows,), or None.
            encoding: turns outputs into predictions of the raw targets' kind.
        """
        return np.array([self._one(model, raw_target, weight, encoding) for model in outputs])

    def _one(
        self,
        outputs: np.ndarray,
        raw_target: np.ndarray,
        weight: np.ndarray | None,
        encoding: TargetEncoding,
    ) -> float:
        if not np.isfinite(outputs).all():
            return float("nan")
        if self.name == "accuracy" and encoding.task == "classification":
            hits = encoding.encode(raw_target) == outputs.argmax(axis=0)
            return float(np.average(hits, weights=weight))
        estimator = _CLASSES[encoding.task](outputs, encoding)
        rows = np.arange(outputs.shape[1])[:, None]
        extra = {} if weight is None else {"sample_weight": weight}
        return float(self._metric(estimator, rows, raw_target, **extra))  # type: ignore[operator]


class _Known(BaseEstimator):
    """An estimator whose outputs are known already; X holds row positions."""

    def __init__(self, outputs: np.ndarray, target: TargetEncoding) -> None:
        self.outputs = outputs
        self.target = target

    def __sklearn_is_fitted__(self) -> bool:
        return True


class _KnownClassifier(ClassifierMixin, _Known):
    @property
    def classes_(self) -> np.ndarray:
        return np.asarray(self.target.classes)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.target.decode(self.outputs[:, rows[:, 0]].argmax(axis=0))

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        logits = self.outputs[:, rows[:, 0]].T.astype(np.float64)
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)


class _KnownRegressor(RegressorMixin, _Known):
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.target.decode(self.outputs[0, rows[:, 0]])


_CLASSES = {"classification": _KnownClassifier, "regression": _KnownRegressor}
