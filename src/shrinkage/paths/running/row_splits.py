"""Which rows are for what: the test split and the folds, as positions in the raw rows.

Who uses this: the plan of a path, before anything is prepared, and the outer folds of a nested
score. Rows are divided by time, by group, by class or at random, or as the user says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from shrinkage.datasets import Dataset, describe_split, make_folds, split_test, take_rows
from shrinkage.datasets.own_folds import Folds, own_folds
from shrinkage.datasets.splits import RowSplit
from shrinkage.datasets.time_folds import time_folds, time_test
from shrinkage.errors import InputError
from shrinkage.paths.data_losses import DataLoss
from shrinkage.paths.engines.recipe import derived_seed

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
    if validation is not None:
        return _validated_apart(data, validation, test_size, seed, loss)
    train, test = _train_and_test(data, test_size, seed, loss) if held is None else held
    strata = "event" if loss is not None and loss.strata is not None else ""
    if not isinstance(folds, int):
        pairs = _own_pairs(data, train, folds, repeats)
        said = describe_split(data, held_out=test_size > 0, strata=strata)
        told = f"{said}; {len(pairs)} folds of the user's own"
        return Split(train, test, _positions(train, pairs), told)
    rounds = default_repeats(len(train), folds) if repeats is None else repeats
    rounds = 1 if data.time is not None else rounds
    pairs = [
        pair
        for number in range(rounds)
        for pair in divided(data, train, folds, _round_seed(seed, number), loss)
    ]
    told = describe_split(data, folds, held_out=test_size > 0, strata=strata)
    if rounds > 1:
        told += f"; the folds were drawn {rounds} times, since "
        told += "so few rows say little" if repeats is None else "that was asked for"
    return Split(train, test, _positions(train, pairs), told, rounds)


def _validated_apart(
    data: Dataset, validation: np.ndarray, test_size: float, seed: int, loss: DataLoss | None
) -> Split:
    """Return the split with one fold, whose validation rows the user has set apart."""
    inside = np.setdiff1d(np.arange(data.n_samples), validation)
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
    everything = np.sort(np.concatenate([rows, validation]))
    said = "validated on rows that the user set apart"
    return Split(everything, test, ((rows, validation),), said)


def _own_pairs(
    data: Dataset, train: np.ndarray, folds: Folds, repeats: int | None
) -> Sequence[RowSplit]:
    """Return the folds of the user's own splitter, row numbers within the training rows."""
    if repeats not in (None, 1):
        raise InputError(
            f"expected no repeats (--repeats) beside folds of one's own, got {repeats}: the "
            "splitter says how often, as RepeatedKFold does"
        )
    groups = None if data.groups is None else data.groups[train]
    return own_folds(folds, data.y[train], groups)


def _positions(train: np.ndarray, pairs: Sequence[RowSplit]) -> tuple[RowSplit, ...]:
    return tuple((train[inside], train[outside]) for inside, outside in pairs)


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
