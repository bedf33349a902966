"""From raw rows to training jobs: the test split, the folds, and each fold's own preprocessing.

Who uses this: `fit_path`. It promises that nothing of a validation or test row reaches training:
medians, means, scales, categories and target scales are fitted on a job's training rows alone.
Pictures of bytes need no fitting, so all jobs share one array of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from shrinkage.datasets.own_folds import Folds, own_folds
from shrinkage.datasets.preparation.base import FitTarget
from shrinkage.datasets.preparation.row_cells import RowCells
from shrinkage.datasets.rare import ClassWeight, class_weights
from shrinkage.datasets.splits import RowSplit
from shrinkage.datasets.time_folds import time_folds, time_test
from shrinkage.errors import InputError
from shrinkage.paths.data_losses import DEFAULTS, DataLoss
from shrinkage.paths.engines.base import FoldData, Rows, RowsOfGroups
from shrinkage.paths.engines.recipe import derived_seed
from shrinkage.paths.own_sets import own_set

DEFAULT_FOLDS = 5
FEW_ROWS, FEW_ROWS_REPEATS = 300, 3
ROUND_LABEL = 2_000


@dataclass(frozen=True)
class Split:
    """Positions in the raw rows: for training in all, for test, and (train, validation) folds.

    Folds stand round by round: `rounds` times the rows were divided anew.
    """

    train: np.ndarray
    test: np.ndarray
    folds: tuple[tuple[np.ndarray, np.ndarray], ...]
    description: str
    rounds: int = 1

    @property
    def first_round(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Return the folds of the first round, which hold every row once."""
        return self.folds[: len(self.folds) // self.rounds]


@dataclass(frozen=True)
class TestRows:
    """Raw rows that are looked at once."""

    __test__ = False

    X: RawRows
    y: np.ndarray
    weight: np.ndarray | None


def make_split(
    data: Dataset,
    folds: Folds,
    test_size: float,
    seed: int,
    validation: np.ndarray | None,
    repeats: int | None = 1,
    *,
    held: RowSplit | None = None,
    loss: DataLoss | None = None,
) -> Split:
    """Return the split of a dataset.

    Args:
        data: the dataset; with an own test set all its rows are for training.
        folds: number of folds, or a splitter of the user's own.
        test_size: share held out for the test; 0: none.
        seed: of the random choices.
        validation: positions of a validation set of the user's own, or None for folds.
        repeats: how often to divide the rows into folds anew; None: more than once where rows are
            few and the folds are those of the default.
        held: rows for training and for the test, where somebody has divided them.
        loss: says which labels every part has its share of.
    """
    _check_times(data, folds, repeats)
    everything = np.arange(data.n_samples)
    if validation is not None:
        inside = np.setdiff1d(everything, validation)
        inner = Dataset(
            name=data.name,
            X=take_rows(data.X, inside),
            y=data.y[inside],
            task=data.task,
            input_names=data.input_names,
            groups=None if data.groups is None else data.groups[inside],
            group_name=data.group_name,
            test=data.test,
        )
        train, test = _train_and_test(inner, test_size, seed, loss)
        rows, test = inside[train], inside[test]
        fold = ((rows, validation),)
        everything = np.sort(np.concatenate([rows, validation]))
        return Split(everything, test, fold, "validated on rows that the user set apart")
    train, test = _train_and_test(data, test_size, seed, loss) if held is None else held
    strata = "event" if loss is not None and loss.strata is not None else ""
    groups = None if data.groups is None else data.groups[train]
    if not isinstance(folds, int):
        if repeats not in (None, 1):
            raise InputError(
                f"expected no repeats (--repeats) beside folds of one's own, got {repeats}: the "
                "splitter says how often, as RepeatedKFold does"
            )
        pairs = own_folds(folds, data.y[train], groups)
        said = describe_split(data, held_out=test_size > 0, strata=strata)
        positions = tuple((train[inside], train[outside]) for inside, outside in pairs)
        told = f"{said}; {len(pairs)} folds of the user's own"
        return Split(train, test, positions, told)
    rounds = default_repeats(len(train), folds) if repeats is None else repeats
    rounds = 1 if data.time is not None else rounds
    pairs = [
        pair
        for number in range(rounds)
        for pair in divided(data, train, folds, _round_seed(seed, number), loss)
    ]
    positions = tuple((train[inside], train[outside]) for inside, outside in pairs)
    told = describe_split(data, folds, held_out=test_size > 0, strata=strata)
    if rounds > 1:
        told += f"; the folds were drawn {rounds} times, since "
        told += "so few rows say little" if repeats is None else "that was asked for"
    return Split(train, test, positions, told, rounds)


def divided(
    data: Dataset, train: np.ndarray, folds: int, seed: int, loss: DataLoss | None = None
) -> list[RowSplit]:
    """Return folds of some rows, row numbers within them: by time, by group, by class, at random.

    Args:
        data: the dataset.
        train: positions of the rows.
        folds: how many.
        seed: of the random choices.
        loss: says which labels every fold has its share of.
    """
    if data.time is not None:
        return time_folds(data.time[train], folds)
    own = stratified(data, loss)
    groups = None if data.groups is None else data.groups[train]
    return make_folds(own.y[train], own.task, groups, folds, seed)


def stratified(data: Dataset, loss: DataLoss | None) -> Dataset:
    """Return a dataset whose target is the labels that every part has its share of, if any."""
    if loss is None or loss.strata is None:
        return data
    return replace(data, y=loss.strata(data.y), task="classification")


def _check_times(data: Dataset, folds: Folds, repeats: int | None) -> None:
    """Refuse what else divides rows, where times do."""
    if data.time is None:
        return
    others = {
        "groups (--split-by)": data.groups is not None,
        "folds of one's own": not isinstance(folds, int),
        "repeats (--repeats)": repeats not in (None, 1),
    }
    both = next((name for name, there in others.items() if there), None)
    if both is not None:
        raise InputError(f"expected times (--time) or {both} to divide rows by, got both: name one")


def default_repeats(rows: int, folds: int) -> int:
    """Return how often rows are divided into folds where nobody says: few rows more than once.

    Who asks for other folds than the default's gets just these.

    >>> default_repeats(100, 5), default_repeats(1_000, 5), default_repeats(100, 10)
    (3, 1, 1)
    """
    return FEW_ROWS_REPEATS if rows < FEW_ROWS and folds == DEFAULT_FOLDS else 1


def _round_seed(seed: int, number: int) -> int:
    """Return the seed of a round of folds; the first is that of a single round."""
    return seed if number == 0 else derived_seed(seed, ROUND_LABEL, number) % 2**32


def _train_and_test(data: Dataset, test_size: float, seed: int, loss: DataLoss | None) -> RowSplit:
    if data.test is not None or test_size == 0:
        return np.arange(data.n_samples), np.array([], dtype=np.int64)
    if data.time is not None:
        return time_test(data.time, test_size)
    return split_test(stratified(data, loss), test_size, seed)


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
        return self.data.sample_weight is not None or self.class_weight not in (None, "none")

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
        with own_set("test", self.data.test_name):
            return self.preprocessing.transform(self.test_cells, dtype)

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
        else:
            used = train if validation is None else np.concatenate([train, validation])
            fitted = self.preprocessing if number is None else self._fitted_on_fold(number)
            x = self._inputs(used, fitted)
        inside = self._places(train, used)
        outside = None if validation is None else self._places(validation, used)
        rows = Rows(x, self._target(used, encoding), self._weight(used, inside))
        score_weight = self.score_weight(used)
        groups = None if self.score_groups is None else self.score_groups.take(used)
        return FoldData(rows, inside, outside, self.data.y[used], encoding, score_weight, groups)

    @cached_property
    def score_groups(self) -> RowsOfGroups | None:
        """Return the groups of the raw rows whose scores are told apart, or None."""
        if self.data.score_by is None:
            return None
        labels, codes = np.unique(self.data.score_by.astype(str), return_inverse=True)
        return RowsOfGroups(tuple(labels.tolist()), codes)

    def score_weight(self, rows: np.ndarray) -> np.ndarray | None:
        """Return the weights of raw rows in scores, or None."""
        weight = self.data.sample_weight
        return weight[rows] if weight is not None and self.score_weights else None

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
        data, weight = self.data, self._weight_of(train)
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
            weight=self._weight_of(train),
            names=names,
            link=link,
        )
        encoding = replace(encoding, classes=self.data_loss.in_order(encoding.classes))
        read = self.data.target
        return encoding if read is None else replace(encoding, merged=read.merged)

    def _weight_of(self, train: np.ndarray) -> np.ndarray | None:
        """Return the sample weights of some rows, where there are some above 0."""
        weight = self.data.sample_weight
        return weight[train] if weight is not None and (weight[train] > 0).any() else None

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
        values = self._loss_weight(used, used[train.cpu().numpy()])
        if values is None:
            return None
        weight = torch.from_numpy(values).to(self.device, self.dtype)
        mean = weight[train].mean()
        if not float(mean) > 0:
            raise InputError("expected sample weights with a positive sum in every fold, got all 0")
        return weight / mean

    def _loss_weight(self, used: np.ndarray, train: np.ndarray) -> np.ndarray | None:
        """Return sample weight × weight of the class, the latter judged on the training rows."""
        sample, y = self.data.sample_weight, self.data.y
        by_row = class_weights(y[train], self.class_weight)
        if by_row is None:
            return None if sample is None else sample[used]
        by_label = dict(zip(y[train].tolist(), by_row.tolist(), strict=True))
        weight = np.array([by_label.get(label, 1.0) for label in y[used].tolist()])
        return weight if sample is None else weight * sample[used]

    def _places(self, rows: np.ndarray, used: np.ndarray) -> torch.Tensor:
        """Return where these raw rows are among the ones that are used."""
        order = np.argsort(used)
        return torch.from_numpy(order[np.searchsorted(used, rows, sorter=order)]).to(self.device)

    @cached_property
    def test_rows(self) -> TestRows:
        """Return the raw test rows."""
        if self.data.test is not None:
            X, y = self.data.test
            return TestRows(X, np.asarray(y), None)
        rows = self.split.test
        return TestRows(take_rows(self.data.X, rows), self.data.y[rows], self.score_weight(rows))
