"""Rows with equal inputs on both sides of a fold or of the test: the score then measures memory.

Tables of few levels have equal rows by nature, so only tables with a column that is nearly always
different are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.util import hash_pandas_object

from shrinkage.cautions import Caution, CautionKind
from shrinkage.datasets.dataset import Dataset, RawRows
from shrinkage.datasets.splits import RowSplit

LEAST_SHARE = 0.02
"""A smaller share of equal rows is left alone."""

CELLS_AT_ONCE = 2**19
"""Cells whose bits are mixed at once: bounds the memory."""

VARIED = 0.25
"""A column with this share of different values does not repeat a row by chance."""


def duplicates_across_folds(data: Dataset, folds: Sequence[RowSplit]) -> tuple[Caution, ...]:
    """Say how many rows that are validated on have equal inputs to one that is trained on.

    Args:
        data: the data set.
        folds: pairs `(train_rows, validation_rows)`.
    """
    rows = row_hashes(data)
    if rows is None or len(np.unique(rows)) == len(rows):
        return ()
    twice = sum(int(np.isin(rows[held], rows[fit]).sum()) for fit, held in folds)
    total = sum(len(held) for _, held in folds)
    if twice < max(2, LEAST_SHARE * total):
        return ()
    return (Caution(CautionKind.DUPLICATES_ACROSS_FOLDS, {"rows": twice, "of": total}),)


def trained_test_rows(data: Dataset) -> tuple[Caution, ...]:
    """Say how many rows of a test set of one's own have equal inputs to one that is trained on.

    Args:
        data: the data set.
    """
    rows = None if data.test is None else row_hashes(data)
    if rows is None or data.test is None:
        return ()
    own = numbers_of_rows(_like(data.test[0], data.X))
    twice = int(np.isin(own, rows).sum())
    if twice < max(2, LEAST_SHARE * len(own)):
        return ()
    return (Caution(CautionKind.TEST_ROWS_TRAINED, {"rows": twice, "of": len(own)}),)


def row_hashes(data: Dataset) -> np.ndarray | None:
    """Return a number for the inputs of each row, or None where rows repeat by nature."""
    if isinstance(data.X, np.ndarray):
        head = data.X[: min(2000, len(data.X)), : min(50, data.X.shape[1])]
        most = max((len(np.unique(column)) for column in head.T), default=0)
        return None if most < VARIED * len(head) else numbers_of_rows(data.X)
    return None if int(data.X.nunique().max()) < VARIED * len(data.X) else numbers_of_rows(data.X)


def _like(rows: RawRows, trained: RawRows) -> RawRows:
    """Return rows with the columns, their order and their types of the rows that are trained on."""
    if isinstance(rows, np.ndarray) or isinstance(trained, np.ndarray):
        return rows
    return pd.DataFrame({name: _typed(rows[name], trained[name].dtype) for name in trained.columns})


def _typed(column: Any, dtype: Any) -> pd.Series:
    """Return a column with a type; levels that the type does not have stay levels."""
    if not isinstance(dtype, pd.CategoricalDtype):
        return column.astype(dtype, errors="ignore")
    values = column.astype(object)
    new = [level for level in values.dropna().unique() if level not in dtype.categories]
    return pd.Series(pd.Categorical(values, [*dtype.categories, *new]), index=column.index)


def numbers_of_rows(rows: RawRows) -> np.ndarray:
    """Return a number for each row, equal for equal ones."""
    if isinstance(rows, np.ndarray):
        at_once = max(1, CELLS_AT_ONCE // max(1, rows.shape[1]))
        parts = [_mixed(rows[at : at + at_once]) for at in range(0, len(rows), at_once)]
        return np.concatenate([np.zeros(0, np.uint64), *parts])
    return hash_pandas_object(rows, index=False, categorize=False).to_numpy()  # pyright: ignore


def _mixed(rows: np.ndarray) -> np.ndarray:
    """Return a number for each row of numbers: Σ mixed bits · an odd number of the column's own.

    >>> numbers = _mixed(np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]]))
    >>> bool(numbers[0] == numbers[2] != numbers[1])
    True
    """
    kind = np.float64 if rows.dtype.kind == "f" else np.int64
    bits = np.ascontiguousarray(rows, dtype=kind).view(np.uint64)
    own = np.random.default_rng(0).integers(2**63, size=(2, bits.shape[1]), dtype=np.uint64) | 1
    mixed = bits * own[0]
    mixed ^= mixed >> np.uint64(29)
    return np.einsum("ij,j->i", mixed, own[1])
