"""A regressor of scikit-learn's whose strength is chosen by cross validation."""

from __future__ import annotations

from shrinkage.estimators.cross_validated import CrossValidated, Scored
from shrinkage.estimators.kinds import Regresses


class ShrinkageRegressorCV(Scored, Regresses, CrossValidated):
    """A network or linear model that predicts a number, at a strength that folds choose.

    It is one call of `fit_path` without test rows: a path of strengths on each fold, scaled on the
    fold's training rows, the choice, and a refit on all rows.

    Args:
        model: `linear`, `mlp:64,32`, a function of (n_inputs, n_outputs), or a module.
        penalty: a name (`l1`, `l2`, `elastic-net`, `group-lasso`) or a penalty, `L1()`.
        strengths: how many, or ascending ones.
        cv: how many folds, a splitter of scikit-learn, or pairs (training rows, validation rows).
        scoring: a scorer of scikit-learn or its name; None: R².
        choose: `best`, or `one_standard_error`: the largest strength within one of the best.
        fixed: further terms, for example `1e-3 * L2()`.
        update: how the penalty enters training: `proximal`, `decoupled`, `gradient`, `loss`.
        select: name patterns of the parameters to penalise; none: every default weight.
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
        coef_, intercept_: of a linear model, for raw columns.
        feature_importances_: norms of each column's weights in the first layer, (n_features,).
        module_: the trained `torch.nn.Module`.
        preprocessing_: what prepares raw rows for it.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ShrinkageRegressorCV("linear", strengths=8, choose="one_standard_error").fit(X, y)
    >>> model.cv_scores_.shape, int((model.coef_ != 0).sum())
    ((8, 5), 7)

    Source: Hastie, Tibshirani and Friedman, The elements of statistical learning (2009), 7.10.
    """
