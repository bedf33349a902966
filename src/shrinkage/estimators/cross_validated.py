"""A strength chosen by cross validation: one call of `fit_path`, and its choice.

Who uses this: `ShrinkageClassifierCV` and `ShrinkageRegressorCV`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.metrics import check_scoring

from shrinkage.checks import one_of
from shrinkage.datasets import Preprocessing, TargetEncoding
from shrinkage.estimators.base import Shrinkage
from shrinkage.estimators.fitted import FittedModel
from shrinkage.paths.engines.architectures import parse_architecture
from shrinkage.paths.engines.recipe import LEARNING_RATE
from shrinkage.run import PathRun, fit_dataset

CHOICES = ("best", "one_standard_error")


class CrossValidated(Shrinkage):
    """Trains a path and keeps the model of the chosen strength."""

    # Groups that are routed reach `fit` unasked, as they reach scikit-learn's splitters of groups.
    __metadata_request__fit: ClassVar = {"groups": True}

    _targets: Any

    def __init__(
        self,
        model: Any = "mlp:64,32",
        *,
        penalty: Any = "l1",
        strengths: Any = 20,
        cv: Any = 5,
        scoring: Any = None,
        choose: str = "best",
        fixed: Any = (),
        update: str = "proximal",
        select: Any = (),
        standardize: bool = True,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = LEARNING_RATE,
        answer: Any = None,
        engine: str = "auto",
        device: str = "auto",
        dtype: str = "auto",
        random_state: Any = 0,
    ) -> None:
        self.model = model
        self.penalty = penalty
        self.strengths = strengths
        self.cv = cv
        self.scoring = scoring
        self.choose = choose
        self.fixed = fixed
        self.update = update
        self.select = select
        self.standardize = standardize
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.answer = answer
        self.engine = engine
        self.device = device
        self.dtype = dtype
        self.random_state = random_state

    def fit(
        self, X: object, y: object, sample_weight: object = None, groups: object = None
    ) -> Self:
        """Train along the path on the folds, choose a strength, and refit it on all rows.

        Args:
            X: rows of numbers, (n, n_features): an array, a table, a sparse matrix.
            y: targets, (n,); several numbers, or labels of 0 and 1, (n, targets).
            sample_weight: weights ≥ 0, (n,); they count in the loss and in the scores.
            groups: rows with equal values stay in one fold, (n,); a splitter gets them.

        Returns:
            The estimator itself.

        Raises:
            ValueError: rows, targets, folds or parameters are not what they must be.
        """
        one_of(self.choose, "choose", CHOICES)
        rows, targets = self._checked(X, y, reset=True)
        data = self._dataset(rows, self._targets(targets), sample_weight, groups)
        options = self._options(
            np.asarray(data.X),
            strengths=self.strengths,
            folds=5 if self.cv is None else self.cv,
            scorer=self.scoring,
        )
        path = fit_dataset(
            self.model,
            data,
            penalty=self._penalty(),
            fixed=self.fixed,
            options=options,
            progress=False,
        )
        self._keep(path)
        return self

    def _keep(self, path: PathRun) -> None:
        file = path.model_file
        assert file is not None
        chosen = path.by_role(self.choose)
        self.path_ = path
        self.strengths_ = path.strengths
        self.cv_scores_ = path.fold_scores
        self.strength_ = chosen.strength
        self.best_score_ = chosen.cv_score
        self._fitted = FittedModel(
            path.model(self.choose, as_outputs=True),
            Preprocessing.from_dict(file.preprocessing),
            TargetEncoding.from_dict(file.target),
            parse_architecture(self.model).solved,
        )


class Scored:
    """The score by which the strength was chosen; it stands left of the kind of estimator."""

    scoring: Any

    def score(self, X: object, y: object, sample_weight: object = None) -> float:
        """Return the score of the chosen model: by `scoring`, else accuracy or R².

        Args:
            X: rows, (n, n_features).
            y: targets, (n,); several numbers, or labels of 0 and 1, (n, targets).
            sample_weight: weights ≥ 0, (n,).
        """
        if self.scoring is None:
            return super().score(X, y, sample_weight)  # type: ignore[misc]
        extra = {} if sample_weight is None else {"sample_weight": sample_weight}
        scorer: Any = check_scoring(self, self.scoring)
        return float(scorer(self, X, y, **extra))
