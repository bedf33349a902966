"""Columns that alone give the target: known too late, or the target under another name.

A number is judged by its rank correlation with a regression target, and by the tree with one leaf
a class that it grows for classes; a category by the commonest class, or the mean target, of each
level. Everything is compared with the best constant, so that rare positives are no agreement.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from shrinkage.cautions import Caution, CautionKind
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.input_columns import InputColumns

AGREEMENT = 0.995
"""A column that explains this share of the target's spread, or of its rarer classes, is one."""

FEWEST_ROWS = 30
FEWEST_MISSING = 5
MOST_COLUMNS = 300
MOST_LEAKS = 3
"""Where more columns than this give the target it is simply an easy one."""

CELLS_AT_ONCE = 2**19
"""Numbers that are ranked at once: bounds the memory."""

ROWS_A_LEVEL = 5
"""Levels with fewer rows than this on average would give any target."""


def leaks(
    columns: InputColumns, y: np.ndarray, classes: bool, rows: np.ndarray
) -> tuple[Caution, ...]:
    """Say which columns alone give the target.

    Args:
        columns: the columns.
        y: (n,) the targets of all rows.
        classes: whether they are labels.
        rows: the rows to look at.
    """
    if len(rows) < FEWEST_ROWS or len(columns.names) > MOST_COLUMNS:
        return ()
    y = np.unique(y, return_inverse=True)[1][rows] if classes else y[rows]
    agreements: dict[tuple[str, CautionKind], float] = {}
    ranked = None if classes else ranks(y[:, None])[:, 0]
    complete = {} if ranked is None else _agreements_of_complete(columns, rows, y, ranked)
    missing = set(columns.with_missing)
    for name in columns.names:
        if columns.kind(name) in (ColumnKind.NUMERIC, ColumnKind.ORDINAL, ColumnKind.CATEGORY):
            told = complete.get(name)
            if told is None:
                told = _agreement(columns, name, rows, y, ranked)
            agreements[name, CautionKind.TARGET_IN_COLUMN] = told
        told = agreements.get((name, CautionKind.TARGET_IN_COLUMN), 0.0)
        if name in missing and told < AGREEMENT:
            by_missing = _agreement_of_missing(columns, name, rows, y, classes)
            agreements[name, CautionKind.TARGET_IN_MISSING] = by_missing
    caught = {told: value for told, value in agreements.items() if value >= AGREEMENT}
    if len(caught) > MOST_LEAKS:
        return ()
    return tuple(
        Caution(kind, {"column": name, "agreement": min(value, 1.0)})
        for (name, kind), value in caught.items()
    )


def _agreements_of_complete(
    columns: InputColumns, rows: np.ndarray, y: np.ndarray, ranked: np.ndarray
) -> dict[str, float]:
    """Return how well numbers without a gap give a target that is a number, of many at once."""
    names, told = columns.of_kind(ColumnKind.NUMERIC), {}
    at_once = max(1, CELLS_AT_ONCE // len(rows))
    for start in range(0, len(names), at_once):
        some = names[start : start + at_once]
        x = columns.numbers(rows, some)
        there = np.flatnonzero(~np.isnan(x).any(axis=0))
        values = number_agreements(x[:, there], y, ranked)
        told |= {some[place]: float(value) for place, value in zip(there, values, strict=True)}
    return told


def _agreement_of_missing(
    columns: InputColumns, name: str, rows: np.ndarray, y: np.ndarray, classes: bool
) -> float:
    """Return how well it tells the target that a cell is there."""
    missing = columns.missing(rows, name).astype(np.int64)
    if not FEWEST_MISSING <= missing.sum() <= len(rows) - FEWEST_MISSING:
        return 0.0
    judge = class_agreement_of_levels if classes else number_agreement_of_levels
    return judge(missing, y)


def _agreement(
    columns: InputColumns, name: str, rows: np.ndarray, y: np.ndarray, ranked: np.ndarray | None
) -> float:
    """Return how well a column gives the target: labels, or numbers with their ranks."""
    if columns.kind(name) is ColumnKind.NUMERIC:
        x = columns.numbers(rows, [name])[:, 0]
        present = ~np.isnan(x)
        if present.sum() < max(FEWEST_ROWS, 0.9 * len(rows)):
            return 0.0
        if ranked is None:
            return class_agreement_of_number(x[present], y[present])
        if not present.all():
            x, y = x[present], y[present]
            ranked = ranks(y[:, None])[:, 0]
        return float(number_agreements(x[:, None], y, ranked)[0])
    codes, levels = pd.factorize(columns.cells(rows, [name])[:, 0], use_na_sentinel=False)
    if len(levels) * ROWS_A_LEVEL > len(rows):
        return 0.0
    if ranked is None:
        return class_agreement_of_levels(codes, y)
    return number_agreement_of_levels(codes, y)


def number_agreements(x: np.ndarray, y: np.ndarray, ranked: np.ndarray) -> np.ndarray:
    """Return the square of the larger of the linear and the rank correlation of each column.

    Args:
        x: numbers (n, columns).
        y: the target (n,).
        ranked: its ranks, which all columns are compared with.

    >>> y = np.arange(40.0)
    >>> number_agreements(np.exp(y / 9)[:, None], y, ranks(y[:, None])[:, 0]).round(3).tolist()
    [1.0]
    """
    return np.maximum(_correlations(x, y), _correlations(ranks(x), ranked)) ** 2


def ranks(values: np.ndarray) -> np.ndarray:
    """Return the place of each value in the order of its column, equal ones their mean place.

    >>> ranks(np.array([[3.0], [1.0], [3.0]])).ravel().tolist()
    [2.5, 1.0, 2.5]
    """
    order = np.argsort(values, axis=0)
    ascending = np.take_along_axis(values, order, axis=0)
    new = np.ones(values.shape, dtype=bool)
    np.not_equal(ascending[1:], ascending[:-1], out=new[1:])
    runs = np.cumsum(new.T) - 1  # column by column
    places = np.tile(np.arange(1.0, len(values) + 1), values.shape[1])
    means = np.bincount(runs, weights=places) / np.bincount(runs)
    ranked = np.empty(values.shape)
    np.put_along_axis(ranked, order, means[runs].reshape(values.shape[::-1]).T, axis=0)
    return ranked


def _correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y = x - x.mean(axis=0), y - y.mean()
    spread = np.sqrt(np.einsum("ij,ij->j", x, x) * (y @ y))
    return np.abs(y @ x) / np.where(spread > 0, spread, 1.0)


def class_agreement_of_number(x: np.ndarray, y: np.ndarray) -> float:
    """Return the share of the rows outside the commonest class that a small tree gets right.

    Where no such tree can get enough of them right, none is grown, and it is what none exceeds.

    >>> class_agreement_of_number(np.arange(40.0), np.arange(40) // 20)
    1.0
    """
    leaves = max(2, len(np.unique(y)))
    at_most = _over_constant(fewest_errors(x, y, leaves), y)
    if at_most < AGREEMENT:
        return at_most
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=0).fit(x[:, None], y)
    return _over_constant(int((tree.predict(x[:, None]) != y).sum()), y)


def fewest_errors(x: np.ndarray, y: np.ndarray, leaves: int) -> int:
    """Return how many rows a class for each of some intervals of a number gets wrong, at least.

    Equal numbers have one class, so all rows of a number but those of its commonest class are
    wrong. And of r neighbouring runs of one class each, an interval gets r // 2 wrong or more.

    >>> fewest_errors(np.array([1.0, 1.0, 2.0]), np.array([0, 1, 1]), 2)
    1
    >>> fewest_errors(np.arange(10.0), np.arange(10) % 2, 2)
    4
    """
    numbers, places = np.unique(x, return_inverse=True)
    table = np.bincount(places * (y.max() + 1) + y, minlength=len(numbers) * (y.max() + 1))
    table = table.reshape(len(numbers), -1)
    most = table.max(axis=1)
    mixed = len(y) - int(most.sum())
    of_one_class = table.argmax(axis=1)[most == table.sum(axis=1)]
    runs = 1 + int((np.diff(of_one_class) != 0).sum())
    return max(mixed, (runs - leaves + 1) // 2)


def class_agreement_of_levels(codes: np.ndarray, y: np.ndarray) -> float:
    """Return the same share for the commonest class of each level.

    >>> class_agreement_of_levels(np.repeat([0, 1], 20), np.repeat([1, 0], 20))
    1.0
    """
    table = np.zeros((codes.max() + 1, y.max() + 1), dtype=np.int64)
    np.add.at(table, (codes, y), 1)
    return _over_constant(len(y) - int(table.max(axis=1).sum()), y)


def number_agreement_of_levels(codes: np.ndarray, y: np.ndarray) -> float:
    """Return the share of the target's variance between the levels.

    >>> number_agreement_of_levels(np.repeat([0, 1], 20), np.repeat([1.0, 3.0], 20))
    1.0
    """
    counts = np.bincount(codes)
    means = np.bincount(codes, weights=y) / np.maximum(counts, 1)
    spread = float(((y - y.mean()) ** 2).sum())
    return 1.0 - float(((y - means[codes]) ** 2).sum()) / spread if spread > 0 else 0.0


def _over_constant(errors: int, y: np.ndarray) -> float:
    outside = len(y) - int(np.bincount(y).max())
    return 1.0 - errors / outside if outside >= ROWS_A_LEVEL else 0.0
