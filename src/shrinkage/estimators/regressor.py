"""A regressor of scikit-learn's: a network or a linear model at one strength."""

from __future__ import annotations

from typing import Self

import numpy as np

from shrinkage.datasets import TargetEncoding
from shrinkage.estimators.kinds import Regresses
from shrinkage.estimators.one_strength import OneStrength
from shrinkage.estimators.several import names_of


class ShrinkageRegressor(Regresses, OneStrength):
    """A network or linear model that predicts a number, with a penalty on its weights.

    It minimizes `½ mean squared error + strength · penalty + fixed terms` on standardized columns.
    `model="linear"` is solved to its minimizer, and a strength is scikit-learn's alpha; networks
    train on the standardized target, as those of `fit_path`.

    Args:
        model: `linear`, `mlp:64,32`, a function of (n_inputs, n_outputs), or a module.
        penalty: a name (`l1`, `l2`, `elastic-net`, `group-lasso`) or a penalty, `L1()`.
        strength: it multiplies the penalty; ≥ 0, 0 is the bare training.
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
        coef_, intercept_: of a linear model, for raw columns: (n_features,), and a number; of
            several targets (targets, n_features) and (targets,).
        feature_importances_: norms of each column's weights in the first layer, (n_features,).
        module_: the trained `torch.nn.Module`.
        preprocessing_: what prepares raw rows for it.
        n_iter_, loss_curve_: epochs, and the mean data loss of each; of networks.
        status_: how training ended: `ok`, `collapsed`, `not_converged`.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ShrinkageRegressor("linear", strength=5.0).fit(X, y)
    >>> int((model.coef_ != 0).sum()), round(model.score(X, y), 2)
    (5, 0.49)

    Source: https://scikit-learn.org/stable/developers/develop.html
    """

    def partial_fit(self, X: object, y: object, sample_weight: object = None) -> Self:
        """Go once over rows, on from the weights that there are.

        The first call learns how columns and target are scaled, from its rows.

        Args:
            X: rows of numbers, (n, n_features).
            y: targets, (n,), or (n, targets).
            sample_weight: weights ≥ 0, (n,).

        Returns:
            The estimator itself.

        Raises:
            ValueError: rows or targets are not what they must be.
        """
        first = not self.__sklearn_is_fitted__()
        rows, targets = self._checked(X, y, reset=first)
        data = self._dataset(rows, self._targets(targets), sample_weight)
        names = names_of(data.y)
        encoding = TargetEncoding("regression", names=names)
        if self.model != "linear" and (names or np.ptp(data.y)):
            weight = data.sample_weight
            of = {"standardize": True, "weight": weight, "names": names}
            encoding = TargetEncoding.fit(data.y, "regression", **of)
        elif self.model != "linear":
            encoding = TargetEncoding("regression", mean=float(data.y[0]))
        return self._pass(data, encoding, first)
