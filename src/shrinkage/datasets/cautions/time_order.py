"""Rows in the order of time under folds that are drawn at random: neighbours on both sides.

What a linear fit of all numbers leaves of the target is compared with what it leaves in the row
before. Where the two go together, the rows beside a row give it away. Files that are sorted by
their target, or by an input, look so without time, and are left out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from shrinkage.cautions import Caution, CautionKind
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.dataset import Dataset

FEWEST_ROWS = 50
WITH_DATES = 0.3
"""From this correlation with the row before on, where a column of dates gives the order."""

WITHOUT_DATES = 0.7
"""The same where only the order of the rows speaks for time."""

MOST_COLUMNS = 100

CELLS_AT_ONCE = 2**19
"""Cells of whole columns that are looked at at once: bounds the memory."""


def time_order(data: Dataset, rows: np.ndarray) -> tuple[Caution, ...]:
    """Say when the target moves slowly along time, or along the rows.

    Args:
        data: the data set.
        rows: the rows to look at, in their order.
    """
    if len(rows) < FEWEST_ROWS:
        return ()
    left = unexplained(data, rows)
    for name in data.columns.of_kind(ColumnKind.DATE):
        dates = pd.Series(data.columns.values[name]).iloc[rows]  # pyright: ignore[reportCallIssue, reportArgumentType]
        order = np.argsort(dates.to_numpy(), kind="stable")
        if dates.notna().all() and dates.nunique() > len(rows) / 2:
            correlation = with_the_row_before(left[order])
            if correlation >= WITH_DATES:
                return (_caution(name, correlation),)
    if _sorted_by_a_column(data, rows) or _in_blocks(data.y[rows]):
        return ()
    correlation = with_the_row_before(left)
    return (_caution(None, correlation),) if correlation >= WITHOUT_DATES else ()


def _caution(column: str | None, correlation: float) -> Caution:
    return Caution(CautionKind.TIME_ORDER, {"column": column, "correlation": correlation})


def with_the_row_before(values: np.ndarray) -> float:
    """Return the correlation of values with those one before.

    >>> round(with_the_row_before(np.sin(np.arange(60) / 5)), 2)
    0.98
    """
    first, second = values[:-1] - values[:-1].mean(), values[1:] - values[1:].mean()
    spread = np.sqrt((first @ first) * (second @ second))
    return float(first @ second / spread) if spread > 0 else 0.0


def unexplained(data: Dataset, rows: np.ndarray) -> np.ndarray:
    """Return what is left of the target (of classes: of the commonest) by a linear fit."""
    y = data.y[rows]
    if data.task == "classification":
        labels, counts = np.unique(y, return_counts=True)
        y = (y == labels[counts.argmax()]).astype(np.float64)
    names = data.columns.of_kind(ColumnKind.NUMERIC)[:MOST_COLUMNS]
    y = np.asarray(y, dtype=np.float64)
    if not names or len(rows) < 3 * len(names):
        return y - y.mean()
    x = np.nan_to_num(data.columns.numbers(rows, names))
    scale = x.std(axis=0)
    x = (x - x.mean(axis=0))[:, scale > 0] / scale[scale > 0]
    design = np.column_stack([np.ones(len(x)), x])
    return y - design @ np.linalg.lstsq(design, y, rcond=None)[0]


def _sorted_by_a_column(data: Dataset, rows: np.ndarray) -> bool:
    """Return whether the file is sorted by a number that is no running one."""
    names = data.columns.of_kind(ColumnKind.NUMERIC)
    at_once = max(1, CELLS_AT_ONCE // len(rows))
    for start in range(0, len(names), at_once):
        steps = np.diff(data.columns.numbers(rows, names[start : start + at_once]), axis=0)
        ordered = (steps >= 0).all(axis=0) | (steps <= 0).all(axis=0)
        if any(len(np.unique(steps[:, place])) > 2 for place in np.flatnonzero(ordered)):
            return True
    return False


def _in_blocks(y: np.ndarray) -> bool:
    """Return whether rows are sorted by the target, or by its classes in blocks."""
    values, codes = np.unique(y, return_inverse=True)
    steps = np.diff(codes)
    if (steps >= 0).all() or (steps <= 0).all():
        return True
    return int(np.count_nonzero(steps)) < 3 * len(values) < 0.3 * len(y)
