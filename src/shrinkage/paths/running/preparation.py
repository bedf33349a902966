"""From raw rows to training jobs: each fold's own preprocessing, and its targets and weights.

Who uses this: `fit_path`. It promises that nothing of a validation or test row reaches training:
medians, means, scales, categories and target scales are fitted on a job's training rows alone.
Pictures of bytes need no fitting, so all jobs share one array of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from shrinkage.datasets import Dataset, Preprocessing, TargetEncoding, take_rows
from shrinkage.datasets.dataset import RawRows
from shrinkage.datasets.preparation.base import FitTarget
from shrinkage.datasets.preparation.row_cells import RowCells
from shrinkage.datasets.rare import ClassWeight
from shrinkage.errors import InputError
from shrinkage.paths.data_losses import DEFAULTS, DataLoss
from shrinkage.paths.engines.base import FoldData, Rows, RowsOfGroups
from shrinkage.paths.own_sets import own_set
from shrinkage.paths.running.row_splits import Split
from shrinkage.paths.running.row_weights import RowWeights


@dataclass(frozen=True)
class TestRows:
    """Raw rows that are looked at once."""

    __test__ = False

    X: RawRows
    y: np.ndarray
    weight: np.ndarray | None


@dataclass(frozen=True)
class Known:
    """A preparation of rows and targets that was fitted before, on other rows."""

    preprocessing: Preprocessing
    target: TargetEncoding


@dataclass(frozen=True)
class Preparation:
    """Makes the rows of each job.

    Args:
        data: the raw rows.
        split: which rows are for what.
        standardize_target: whether regression targets become (y − mean)/scale for training.
        dtype: of the preprocessed rows.
        device: where they live.
        class_weight: `balanced` or a weight by label; multiplies the weights in the loss.
        score_weights: whether sample weights count in scores too.
        standardize: whether numbers become (x − mean)/scale.
        known: what is used instead of fitting anything.
        loss: the data loss that targets are encoded for; None: that of the task.
    """

    data: Dataset
    split: Split
    standardize_target: bool
    dtype: torch.dtype
    device: torch.device
    class_weight: ClassWeight = None
    score_weights: bool = True
    standardize: bool = True
    known: Known | None = None
    loss: DataLoss | None = None

    @property
    def data_loss(self) -> DataLoss:
        """Return the data loss."""
        return DEFAULTS[self.data.task] if self.loss is None else self.loss

    @property
    def is_weighted(self) -> bool:
        """Return whether the rows of a fold count differently in the training loss."""
        return self.weights.differ_in_loss

    @property
    def weights(self) -> RowWeights:
        """Return how much rows count."""
        return RowWeights(self.data, self.class_weight, self.score_weights)

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """Return the preprocessing fitted on all training rows: that of the refit."""
        return self.fitted_on(self.split.train)

    @cached_property
    def target(self) -> TargetEncoding:
        """Return the target encoding fitted on all training rows: that of the refit."""
        return self._encoding(self.split.train)

    @cached_property
    def fold_targets(self) -> tuple[TargetEncoding, ...]:
        """Return the target encoding of each fold: its own scale, and the classes of all."""
        if self.data.task == "classification":
            return (self.target,) * len(self.split.folds)
        return tuple(self._encoding(train) for train, _ in self.split.folds)

    @cached_property
    def test_cells(self) -> RowCells:
        """Return the raw test rows, whose cells are read once."""
        return self.preprocessing.read(self.test_rows.X)

    @cached_property
    def test_inputs(self) -> np.ndarray:
        """Return the prepared test rows; asked for before training, so that a bad cell stops it.

        Raises:
            InputError: a cell is not what its column held in training.
        """
        dtype = np.float64 if self.dtype == torch.float64 else np.float32
        preprocessing = self.preprocessing  # whose own errors are of the training rows
        with own_set("test", self.data.test_name):
            return preprocessing.transform(self.test_cells, dtype)

    def fold(self, number: int | None) -> FoldData:
        """Return the rows of a fold, or for None those of the refit.

        A fold's inputs are those that all training rows together give, so that the models of all
        folds have the same shape; what is constant or unseen on the rows of a fold is 0 there.
        """
        if number is None:
            train, validation, encoding = self.split.train, None, self.target
        else:
            (train, validation), encoding = self.split.folds[number], self.fold_targets[number]
        if self.data.pixels or self.data.as_shaped:  # nothing fitted: all folds share one array
            used, x = self.split.train, self._pictures
            inside = self._places(train)
            outside = None if validation is None else self._places(validation)
        else:
            used = train if validation is None else np.concatenate([train, validation])
            fitted = self.preprocessing if number is None else self._fitted_on_fold(number)
            x = self._inputs(used, fitted)
            places = torch.arange(len(used), device=self.device)
            inside = places[: len(train)]
            outside = None if validation is None else places[len(train) :]
        rows = Rows(x, self._target(used, encoding), self._weight(used, inside))
        score_weight = self.weights.in_scores(used)
        groups = None if self.score_groups is None else self.score_groups.take(used)
        return FoldData(rows, inside, outside, self.data.y[used], encoding, score_weight, groups)

    @cached_property
    def score_groups(self) -> RowsOfGroups | None:
        """Return the groups of the raw rows whose scores are told apart, or None."""
        if self.data.score_by is None:
            return None
        labels, codes = np.unique(self.data.score_by.astype(str), return_inverse=True)
        return RowsOfGroups(tuple(labels.tolist()), codes)

    def _fitted_on_fold(self, number: int) -> Preprocessing:
        """Return the preprocessing of a fold, fitted once for all groups of strengths."""
        fitted = self._fitted_on_folds.get(number)
        if fitted is None:
            train, _ = self.split.folds[number]
            fitted = self.fitted_on(train).aligned_to(self.preprocessing)
            self._fitted_on_folds[number] = fitted
        return fitted

    @cached_property
    def _fitted_on_folds(self) -> dict[int, Preprocessing]:
        return {}

    @cached_property
    def _pictures(self) -> torch.Tensor:
        return self._inputs(self.split.train, self.preprocessing)

    def fitted_on(self, train: np.ndarray) -> Preprocessing:
        """Return the preprocessing that is fitted on some rows; those of weight 0 do not count."""
        if self.known is not None:
            return self.known.preprocessing
        data, weight = self.data, self.weights.in_fits(train)
        target = FitTarget(data.one_number, data.task, data.groups)
        if weight is not None:
            train = train[weight > 0]
            target = replace(target, weight=data.sample_weight)
        fitted = Preprocessing.fit(data.columns, train, target=target)
        return fitted if self.standardize else fitted.unscaled()

    def _encoding(self, train: np.ndarray) -> TargetEncoding:
        if self.known is not None:
            return self.known.target
        y = self.data.y[train]
        names, link = self.data.target_names, self.data_loss.link
        part = len(train) < len(self.split.train)
        if self.standardize_target and part and not names and (y == y[0]).all():
            mean = float(y[0]) if link == "identity" else 0.0
            return TargetEncoding(self.data.task, mean=mean, link=link)  # nothing to scale by
        encoding = TargetEncoding.fit(
            y,
            self.data.task,
            standardize=self.standardize_target,
            weight=self.weights.in_fits(train),
            names=names,
            link=link,
        )
        encoding = replace(encoding, classes=self.data_loss.in_order(encoding.classes))
        read = self.data.target
        return encoding if read is None else replace(encoding, merged=read.merged)

    def _inputs(self, used: np.ndarray, fitted: Preprocessing) -> torch.Tensor:
        dtype = np.float64 if self.dtype == torch.float64 else np.float32
        x = fitted.transform(take_rows(self.data.X, used), dtype, positions=used)
        return torch.from_numpy(x).to(self.device)

    def _target(self, used: np.ndarray, encoding: TargetEncoding) -> torch.Tensor:
        kind = torch.int64 if self.data.task == "classification" else self.dtype
        encoded = np.ascontiguousarray(encoding.encode(self.data.y[used]))
        return torch.from_numpy(encoded).to(self.device, kind)

    def _weight(self, used: np.ndarray, train: torch.Tensor) -> torch.Tensor | None:
        """Return the weights of the rows, with mean one over the training rows."""
        values = self.weights.in_loss(used, used[train.cpu().numpy()])
        if values is None:
            return None
        weight = torch.from_numpy(values).to(self.device, self.dtype)
        mean = weight[train].mean()
        if not float(mean) > 0:
            raise InputError("expected sample weights with a positive sum in every fold, got all 0")
        return weight / mean

    def _places(self, rows: np.ndarray) -> torch.Tensor:
        """Return where these raw rows are among those of training."""
        order = np.argsort(self.split.train)
        places = np.searchsorted(self.split.train, rows, sorter=order)
        return torch.from_numpy(order[places]).to(self.device)

    @cached_property
    def test_rows(self) -> TestRows:
        """Return the raw test rows."""
        if self.data.test is not None:
            X, y = self.data.test
            return TestRows(X, np.asarray(y), None)
        rows = self.split.test
        weight = self.weights.in_scores(rows)
        return TestRows(take_rows(self.data.X, rows), self.data.y[rows], weight)
