"""From raw rows to training jobs: the test split, the folds, and each fold's own preprocessing.

Who uses this: `fit_path`. It promises that nothing of a validation or test row reaches training:
medians, means, scales, categories and target scales are fitted on a job's training rows alone.
Pictures of bytes need no fitting, so all jobs share one array of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from shrinkage.datasets import (
    Dataset,
    Preprocessing,
    TargetEncoding,
    describe_split,
    make_folds,
    split_test,
    take_rows,
)
from shrinkage.datasets.dataset import RawRows
from shrinkage.errors import InputError
from shrinkage.paths.engines.base import FoldData, Rows


@dataclass(frozen=True)
class Split:
    """Positions in the raw rows: for training in all, for test, and (train, validation) folds."""

    train: np.ndarray
    test: np.ndarray
    folds: tuple[tuple[np.ndarray, np.ndarray], ...]
    description: str


@dataclass(frozen=True)
class TestRows:
    """Raw rows that are looked at once."""

    __test__ = False

    X: RawRows
    y: np.ndarray
    weight: np.ndarray | None


def make_split(
    data: Dataset, folds: int, test_size: float, seed: int, validation: np.ndarray | None
) -> Split:
    """Return the split of a dataset.

    Args:
        data: the dataset; with an own test set all its rows are for training.
        folds: number of folds.
        test_size: share held out for the test.
        seed: of the random choices.
        validation: positions of a validation set of the user's own, or None for folds.
    """
    everything = np.arange(data.n_samples)
    if validation is not None:
        inside = np.setdiff1d(everything, validation)
        held = Dataset(
            name=data.name,
            X=take_rows(data.X, inside),
            y=data.y[inside],
            task=data.task,
            input_names=data.input_names,
            groups=None if data.groups is None else data.groups[inside],
            group_name=data.group_name,
            test=data.test,
        )
        train, test = _train_and_test(held, test_size, seed)
        rows, test = inside[train], inside[test]
        fold = ((rows, validation),)
        whole = np.sort(np.concatenate([rows, validation]))
        return Split(whole, test, fold, "validated on rows that the user set apart")
    train, test = _train_and_test(data, test_size, seed)
    groups = None if data.groups is None else data.groups[train]
    pairs = make_folds(data.y[train], data.task, groups, folds, seed)
    positions = tuple((train[inside], train[outside]) for inside, outside in pairs)
    return Split(train, test, positions, describe_split(data, folds))


def _train_and_test(data: Dataset, test_size: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if data.test is not None:
        return np.arange(data.n_samples), np.array([], dtype=np.int64)
    return split_test(data, test_size, seed)


@dataclass(frozen=True)
class Preparation:
    """Makes the rows of each job.

    Args:
        data: the raw rows.
        split: which rows are for what.
        standardize_target: whether regression targets become (y − mean)/scale for training.
        dtype: of the preprocessed rows.
        device: where they live.
    """

    data: Dataset
    split: Split
    standardize_target: bool
    dtype: torch.dtype
    device: torch.device

    def preprocessing(self, train: np.ndarray) -> Preprocessing:
        """Return the preprocessing fitted on the raw rows at `train`.

        Its inputs are those that all training rows together give, so that the models of all folds
        have the same shape; what is constant or unseen on the rows of a fold is 0 there.
        """
        fitted = self._fitted(train)
        return fitted if train is self.split.train else fitted.aligned_to(self._widest)

    @cached_property
    def _widest(self) -> Preprocessing:
        return self._fitted(self.split.train)

    def _fitted(self, train: np.ndarray) -> Preprocessing:
        names = None if hasattr(self.data.X, "columns") else self.data.input_names
        return Preprocessing.fit(self.data.X, train, image=self.data.pixels, names=names)

    def target(self, train: np.ndarray) -> TargetEncoding:
        """Return the target encoding fitted on the raw rows at `train`."""
        fitted = TargetEncoding.fit(
            self.data.y[train], self.data.task, standardize=self.standardize_target
        )
        if self.data.task == "classification" and set(fitted.classes) != set(self.classes):
            lost = sorted(set(map(str, self.classes)) - set(map(str, fitted.classes)))
            raise InputError(
                f"class {lost[0]!r} has no training row in some fold; expected every class in "
                "every fold: use fewer --folds, more rows of it, or leave the class out"
            )
        return fitted

    @cached_property
    def classes(self) -> tuple:
        """Return the classes of the training rows, none for regression."""
        if self.data.task != "classification":
            return ()
        return tuple(
            TargetEncoding.fit(
                self.data.y[self.split.train], self.data.task, standardize=False
            ).classes
        )

    def fold(self, train: np.ndarray, validation: np.ndarray | None) -> tuple[FoldData, int]:
        """Return a job's rows and its number of inputs."""
        if self.data.pixels:
            rows = self._shared
            inside = torch.from_numpy(np.searchsorted(self.split.train, train))
            outside = None
            if validation is not None:
                outside = torch.from_numpy(np.searchsorted(self.split.train, validation))
            raw = self.data.y[self.split.train]
        else:
            used = train if validation is None else np.concatenate([train, validation])
            rows = self._rows(used, train)
            inside = torch.arange(len(train))
            outside = None
            if validation is not None:
                outside = torch.arange(len(train), len(used))
            raw = self.data.y[used]
        inside = inside.to(self.device)
        outside = None if outside is None else outside.to(self.device)
        rows = _with_mean_weight_one(rows, inside)
        return FoldData(rows, inside, outside, raw, self.target(train)), rows.x.shape[1]

    @cached_property
    def _shared(self) -> Rows:
        return self._rows(self.split.train, self.split.train)

    def _rows(self, used: np.ndarray, train: np.ndarray) -> Rows:
        dtype = np.float64 if self.dtype == torch.float64 else np.float32
        x = self.preprocessing(train).transform(take_rows(self.data.X, used), dtype)
        encoded = self.target(train).encode(self.data.y[used])
        weight = self.data.sample_weight
        return Rows(
            torch.from_numpy(x).to(self.device),
            self._target_tensor(encoded),
            None if weight is None else torch.from_numpy(weight[used]).to(self.device, self.dtype),
        )

    def _target_tensor(self, encoded: np.ndarray) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(encoded))
        kind = torch.int64 if self.data.task == "classification" else self.dtype
        return tensor.to(self.device, kind)

    @cached_property
    def test_rows(self) -> TestRows:
        """Return the raw test rows."""
        if self.data.test is not None:
            X, y = self.data.test
            return TestRows(X, np.asarray(y), None)
        rows = self.split.test
        weight = None if self.data.sample_weight is None else self.data.sample_weight[rows]
        return TestRows(take_rows(self.data.X, rows), self.data.y[rows], weight)


def _with_mean_weight_one(rows: Rows, train: torch.Tensor) -> Rows:
    if rows.weight is None:
        return rows
    mean = rows.weight[train].mean()
    if not float(mean) > 0:
        raise InputError("expected sample weights with a positive sum in every fold, got all 0")
    return Rows(rows.x, rows.target, rows.weight / mean)
