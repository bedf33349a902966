"""Fitting at one strength, at once or in parts.

Who uses this: `ShrinkageClassifier` and `ShrinkageRegressor`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch

from shrinkage.datasets import Dataset, TargetEncoding
from shrinkage.datasets.rare import class_weights
from shrinkage.errors import InputError
from shrinkage.estimators.base import Shrinkage
from shrinkage.estimators.increments import OptimizerState, first_scales, one_pass
from shrinkage.estimators.training import Task, Training
from shrinkage.paths.engines.recipe import BATCH_SIZE, LEARNING_RATE
from shrinkage.paths.options import PathOptions
from shrinkage.paths.running.preparation import Known
from shrinkage.pytorch.modes import learning


class OneStrength(Shrinkage):
    """Trains one model."""

    _targets: Any
    _optimizer: OptimizerState | None

    def __init__(
        self,
        model: Any = "mlp:64,32",
        *,
        penalty: Any = "l1",
        strength: float = 1e-3,
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
        self.strength = strength
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

    def fit(self, X: object, y: object, sample_weight: object = None) -> Self:
        """Train on rows, from the start.

        Args:
            X: rows of numbers, (n, n_features): an array, a table, a sparse matrix.
            y: targets, (n,); several numbers, or labels of 0 and 1, (n, targets).
            sample_weight: weights ≥ 0, (n,); a row of weight 2 counts as two rows.

        Returns:
            The estimator itself.

        Raises:
            ValueError: rows, targets or parameters are not what they must be.
        """
        rows, targets = self._checked(X, y, reset=True)
        data = self._dataset(rows, self._targets(targets), sample_weight)
        self._keep(self._task(data, self._options(np.asarray(data.X))).train(self._seed()))
        return self

    def _task(self, data: Dataset, options: PathOptions, known: Known | None = None) -> Task:
        penalty = self._penalty()
        return Task.of(self.model, data, penalty, self.strength, self.fixed, options, known)

    def _keep(self, training: Training) -> None:
        self._fitted, self._optimizer = training.fitted, None
        self.status_ = str(training.status)
        for name, value in (("loss_curve_", training.loss_curve), ("n_iter_", training.epochs)):
            self.__dict__.pop(name, None)
            if value is not None:
                setattr(self, name, value)

    def _pass(self, data: Dataset, encoding: TargetEncoding | None, first: bool) -> Self:
        """Go once over some rows; the first ones say how rows and targets are scaled."""
        data = self._weighted_by_class(data)
        self._check_targets(data, first)
        rows = np.asarray(data.X)
        options = (
            self._options(rows)
            if first
            else replace(self._options(rows), dtype=str(self._fitted.dtype).removeprefix("torch."))
        )
        size = min(options.batch_size or BATCH_SIZE, len(rows))
        options = replace(options, class_weight=None, batch_size=size)
        if first:
            assert encoding is not None
            names = data.input_names
            scales = first_scales(rows, names, data.sample_weight, standardize=options.standardize)
            known = Known(scales, encoding)
        else:
            known = Known(self._fitted.preprocessing, self._fitted.encoding)
        task = self._task(data, options, known)
        start = task.posed.module if first else self._fitted.module
        passes = getattr(self, "n_iter_", 0)
        state = None if first else self._optimizer
        with torch.random.fork_rng(devices=[]), learning():
            module, self._optimizer, loss = one_pass(task, start, state, self._seed(), passes)
        self._fitted = task.fitted(module)
        self.n_iter_ = passes + 1
        self.loss_curve_ = np.append(getattr(self, "loss_curve_", []), loss)
        return self

    def _check_targets(self, data: Dataset, first: bool) -> None:
        """Refuse rows with other targets than those before."""
        now = data.y.shape[1] if data.y.ndim > 1 else 0
        before = now if first else len(self._fitted.encoding.names)
        if now != before:
            raise InputError(
                f"expected y of shape {f'(n, {before})' if before else '(n,)'} as in the calls of "
                f"partial_fit before, got {data.y.shape}: give the same targets"
            )

    def _weighted_by_class(self, data: Dataset) -> Dataset:
        """Return rows whose weights hold those of their classes: a few rows lack some classes."""
        by_class = getattr(self, "class_weight", None)
        if by_class is None or by_class == "none":
            return data
        if data.task == "multi-label":
            raise InputError(
                "expected classes for class_weight, got several labels: leave it out, or take "
                "sample_weight"
            )
        if isinstance(by_class, str):
            raise InputError(
                f"expected class_weight as a mapping in partial_fit, got {by_class!r}: rows to "
                "come are not counted yet"
            )
        here = {label: by_class[label] for label in by_class if label in set(data.y.tolist())}
        weight = class_weights(data.y, here)
        assert weight is not None
        own = data.sample_weight
        return replace(data, sample_weight=weight if own is None else weight * own)
