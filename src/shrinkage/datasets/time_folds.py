"""Rows divided by time: the past trains, the future validates and tests.

Who uses this: the path engine, where a column of times was named. It promises that no row that is
trained on is later than one that is looked at, and that rows of one time stand on one side. Without
equal times the folds are scikit-learn's `TimeSeriesSplit`.
Source: https://scikit-learn.org/stable/modules/cross_validation.html#time-series-split
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from shrinkage.datasets.cells import Locate, plain_row
from shrinkage.datasets.splits import RowSplit
from shrinkage.errors import InputError


def time_ranks(values: object, name: str, locate: Locate = plain_row) -> np.ndarray:
    """Return the order of times as whole numbers from 0; equal times have equal numbers.

    Args:
        values: (n,) numbers or dates.
        name: of the column.
        locate: words for a row.

    Raises:
        InputError: a missing time, text that is no date, or one time in every row.

    >>> time_ranks([2021, 2019, 2021], "year")
    array([1, 0, 1])
    """
    series = pd.Series(values)  # pyright: ignore[reportArgumentType, reportCallIssue]
    missing = series.isna().to_numpy()
    if missing.any():
        raise InputError(
            f"column {name!r} (time), {locate(int(np.argmax(missing)))}: expected a time, got a "
            "missing value: fill it or remove the row"
        )
    kind = series.dtype
    if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind)):
        raise InputError(
            f"column {name!r} (time): expected numbers or dates, got text such as "
            f"{str(series.iloc[0])!r}: name another column"
        )
    ranks = np.unique(series.to_numpy(), return_inverse=True)[1].astype(np.int64)
    if not ranks.any():
        raise InputError(
            f"column {name!r} (time): expected different times, got one: name another column"
        )
    return ranks


def time_test(time: np.ndarray, test_size: float) -> RowSplit:
    """Return rows for training, and the latest ones for the test, about a share of all.

    Args:
        time: (n,) ranks.
        test_size: the share; between two times that are nearest to it the rows are cut.

    >>> train, test = time_test(np.array([0, 1, 2, 2, 3]), 0.2)
    >>> train, test
    (array([0, 1, 2, 3]), array([4]))
    """
    starts = _starts(np.sort(time))[1:]
    wanted = (1 - test_size) * len(time)
    first = np.sort(time)[starts[np.argmin(np.abs(starts - wanted))]]
    return np.flatnonzero(time < first), np.flatnonzero(time >= first)


def time_folds(time: np.ndarray, folds: int) -> list[RowSplit]:
    """Return folds of which each is trained on all rows before those that it is validated on.

    Of n rows each validates n // (folds + 1), or up to the rows of one time more or fewer.

    Args:
        time: (n,) ranks.
        folds: how many.

    Raises:
        InputError: too few times for so many folds.

    >>> [held.tolist() for _, held in time_folds(np.array([5, 3, 4, 0, 1, 2]), 2)]
    [[5, 1], [2, 0]]
    """
    order = np.argsort(time, kind="stable")
    ordered, rows = time[order], len(time)
    size = rows // (folds + 1)
    wanted = rows - size * np.arange(folds, 0, -1)
    starts = _starts(ordered)
    cuts = np.unique([starts[np.searchsorted(starts, cut, side="right") - 1] for cut in wanted])
    if size == 0 or len(cuts) < folds or cuts[0] == 0:
        raise InputError(
            f"expected more times for {folds} folds, got {len(starts)} in {rows} rows, or too many "
            "rows of one time: use fewer --folds"
        )
    ends = [*cuts[1:], rows]
    return [(np.sort(order[:cut]), order[cut:end]) for cut, end in zip(cuts, ends, strict=True)]


def _starts(ordered: np.ndarray) -> np.ndarray:
    """Return where each time begins in ordered times."""
    return np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
