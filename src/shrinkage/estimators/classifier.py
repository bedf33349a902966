"""A classifier of scikit-learn's: a network or a linear model at one strength."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from shrinkage.datasets import TargetEncoding
from shrinkage.datasets.targets import plain_label
from shrinkage.errors import InputError
from shrinkage.estimators.kinds import Classifies
from shrinkage.estimators.one_strength import OneStrength
from shrinkage.estimators.several import dense_targets, names_of
from shrinkage.paths.engines.recipe import LEARNING_RATE


class ShrinkageClassifier(Classifies, OneStrength):
    """A network or linear model that classifies, with a penalty on its weights.

    It minimizes `mean cross entropy + strength · penalty + fixed terms` on standardized columns.
    `model="linear"` is solved to its minimizer; networks train as those of `fit_path`.

    Args:
        model: `linear`, `mlp:64,32`, a function of (n_inputs, n_outputs), or a module.
        penalty: a name (`l1`, `l2`, `elastic-net`, `group-lasso`) or a penalty, `L1()`.
        strength: it multiplies the penalty; ≥ 0, 0 is the bare training.
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
        classes_: the labels, (classes,); the numbers 0, 1, … of several labels of 0 and 1.
        coef_, intercept_: of a linear model, for raw columns.
        feature_importances_: norms of each column's weights in the first layer, (n_features,).
        module_: the trained `torch.nn.Module`.
        preprocessing_: what prepares raw rows for it.
        n_iter_, loss_curve_: epochs, and the mean data loss of each; of networks.
        status_: how training ended: `ok`, `collapsed`, `not_converged`.

    >>> from sklearn.datasets import load_breast_cancer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = ShrinkageClassifier("linear", strength=0.05).fit(X, y)
    >>> int((model.coef_ != 0).sum()), round(model.score(X, y), 2)
    (4, 0.96)

    Source: https://scikit-learn.org/stable/developers/develop.html
    """

    def __init__(
        self,
        model: Any = "mlp:64,32",
        *,
        penalty: Any = "l1",
        strength: float = 1e-3,
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
            strength=strength,
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

    def partial_fit(
        self, X: object, y: object, classes: object = None, sample_weight: object = None
    ) -> Self:
        """Go once over rows, on from the weights that there are.

        The first call learns how columns are scaled, from its rows; it is told all classes.

        Args:
            X: rows of numbers, (n, n_features).
            y: labels, (n,), or 0 and 1 of several, (n, labels).
            classes: all labels that will come, the same in every call; None: those of the first
                call's `y`, or several.
            sample_weight: weights ≥ 0, (n,).

        Returns:
            The estimator itself.

        Raises:
            ValueError: a label that is none of the classes, or other classes than before;
                `class_weight="balanced"`.
        """
        first = not self.__sklearn_is_fitted__()
        rows, labels = self._checked(X, y, reset=first)
        labels = dense_targets(labels)
        if labels.ndim > 1:
            labels = self._targets(labels)
            encoding = TargetEncoding("multi-label", names=names_of(labels), link="logit")
            return self._pass(self._dataset(rows, labels, sample_weight), encoding, first)
        if first and classes is None:
            self._targets(labels)
        elif first:
            self.classes_ = np.unique(np.asarray(classes))
        elif classes is not None:
            named = np.unique(np.asarray(classes))
            if not np.array_equal(named, self.classes_):
                raise InputError(
                    f"expected classes {self.classes_.tolist()} as in the calls before, got "
                    f"{named.tolist()}: leave classes out, or begin with a clone"
                )
        unknown = np.setdiff1d(labels, self.classes_)
        if unknown.size:
            raise InputError(
                f"expected labels of {self.classes_.tolist()} in y, got "
                f"{plain_label(unknown[0])!r}: name all classes in the first call of partial_fit"
            )
        encoding = TargetEncoding(
            "classification", tuple(plain_label(label) for label in self.classes_)
        )
        return self._pass(self._dataset(rows, labels, sample_weight), encoding, first)
