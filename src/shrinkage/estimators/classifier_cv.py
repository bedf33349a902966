"""A classifier of scikit-learn's whose strength is chosen by cross validation."""

from __future__ import annotations

from typing import Any

from shrinkage.estimators.cross_validated import CrossValidated, Scored
from shrinkage.estimators.kinds import Classifies
from shrinkage.paths.engines.recipe import LEARNING_RATE


class ShrinkageClassifierCV(Scored, Classifies, CrossValidated):
    """A network or linear model that classifies, at a strength that folds choose.

    It is one call of `fit_path` without test rows: a path of strengths on each fold, scaled on the
    fold's training rows, the choice, and a refit on all rows.

    Args:
        model: `linear`, `mlp:64,32`, a function of (n_inputs, n_outputs), or a module.
        penalty: a name (`l1`, `l2`, `elastic-net`, `group-lasso`) or a penalty, `L1()`.
        strengths: how many, or ascending ones.
        cv: how many folds, a splitter of scikit-learn, or pairs (training rows, validation rows).
        scoring: a scorer of scikit-learn or its name; None: accuracy, of several labels the mean
            average precision.
        choose: `best`, or `one_standard_error`: the largest strength within one of the best.
        fixed: further terms, for example `1e-3 * L2()`.
        update: how the penalty enters training: `proximal`, `decoupled`, `gradient`, `loss`.
        select: name patterns of the parameters to penalise; none: every default weight.
        class_weight: None, `balanced`, or a weight by label.
        standardize: whether columns become (x − mean)/scale inside; `coef_` is in their own units.
        epochs: passes over the rows; None: about 2,000 steps, but between 5 and 200 epochs.
        batch_size: rows a step; None: 128, or all rows if there are fewer.
        learning_rate: the largest learning rate.
        answer: which part of what a network of one's own answers holds its outputs, where that is
            no tensor: a field's name, a position, a function of it; None: the field `logits`.
        engine: `auto`, `stacked` or `sequential`.
        device: `auto`, `cpu`, `cuda`, …
        dtype: `auto` (float32 where the rows are float32, else float64), `float32`, `float64`.
        random_state: a whole number, None, or a `RandomState`.

    Attributes:
        strengths_, strength_: those of the path, ascending, and the chosen one.
        cv_scores_: the score of each strength on each fold, (strengths, folds).
        best_score_: the mean score of the chosen strength.
        path_: the whole result, as `fit_path` returns it: `path_.plot()`, `path_.table()`.
        classes_: the labels, (classes,); the numbers 0, 1, … of several labels of 0 and 1.
        coef_, intercept_: of a linear model, for raw columns.
        feature_importances_: norms of each column's weights in the first layer, (n_features,).
        module_: the trained `torch.nn.Module`.
        preprocessing_: what prepares raw rows for it.

    >>> from sklearn.datasets import load_breast_cancer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = ShrinkageClassifierCV("linear", strengths=8, choose="one_standard_error").fit(X, y)
    >>> model.cv_scores_.shape, int((model.coef_ != 0).sum())
    ((8, 5), 10)

    Source: Hastie, Tibshirani and Friedman, The elements of statistical learning (2009), 7.10.
    """

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
        class_weight: Any = None,
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
        super().__init__(
            model,
            penalty=penalty,
            strengths=strengths,
            cv=cv,
            scoring=scoring,
            choose=choose,
            fixed=fixed,
            update=update,
            select=select,
            standardize=standardize,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            answer=answer,
            engine=engine,
            device=device,
            dtype=dtype,
            random_state=random_state,
        )
        self.class_weight = class_weight
