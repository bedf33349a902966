"""One table or set of pictures, with everything a path needs to know about it.

Who uses this: every loader returns a `Dataset`, the path engine trains on it, reports describe it.
It promises raw values: labels as they were written, columns unscaled. Scaling is fitted later,
inside each fold, by `Preprocessing`, so that nothing of a validation or test row leaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_readings import ColumnReading
from shrinkage.datasets.column_specs import ColumnSpec
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.datasets.input_shapes import InputShapes
from shrinkage.datasets.read_options import LOOK, ReadOptions
from shrinkage.target_reading import TargetReading

RawRows = pd.DataFrame | np.ndarray
"""Rows as they were read: a table, or an array (n, d)."""

TASKS = ("classification", "regression")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Raw inputs and targets, and what is known about them.

    Args:
        name: a short name that holds no folder of the machine.
        X: a `pandas.DataFrame`, or an array (n, d); `uint8` with an `image_shape` means pixels.
        y: (n,) raw labels (text, whole numbers, booleans) or float targets; (n, targets) floats
            where they are several, or 0 and 1 of several labels.
        task: `classification`, `regression` or `multi-label`.
        input_names: the names of the d columns.
        target_name: the name of the target.
        image_shape: (height, width) when a row is a picture, else None.
        groups: (n,) values; rows with equal values belong together. None: no groups.
        group_name: the column that `groups` came from.
        group_note: what the loader decided about the groups, or nothing.
        time: (n,) ranks of times, the past before the future; None: no times.
        time_name: the column that `time` came from.
        score_by: (n,) texts: scores are told for the rows of each, too; None: for all alone.
        score_by_name: the column that `score_by` came from.
        sample_weight: (n,) weights ≥ 0, or None.
        test: an own test set `(X, y)`, or None.
        test_name: the file that it came from, or nothing.
        notes: sentences for the report about what the loader decided.
        readings: what each column of the source was taken for, in its order.
        specs: what a person said about columns, by name.
        left_out: columns of the source that a person left out.
        read_options: how the file was read, so that others can be read alike.
        target: what was decided about the target.
        shapes: those of the inputs that a flat row of `X` holds, where it was not flat.
        as_shaped: whether a network of the user's is called with these shapes, numbers as they are.

    >>> from shrinkage.datasets import load_dataset
    >>> data = load_dataset("digits")
    >>> data.task, data.n_samples, data.n_features, data.image_shape
    ('classification', 1797, 64, (8, 8))
    """

    name: str
    X: RawRows
    y: np.ndarray
    task: str
    input_names: tuple[str, ...]
    target_name: str = "target"
    image_shape: tuple[int, int] | None = None
    groups: np.ndarray | None = None
    group_name: str | None = None
    group_note: str = ""
    sample_weight: np.ndarray | None = None
    test: tuple[RawRows, np.ndarray] | None = None
    test_name: str = ""
    notes: tuple[str, ...] = ()
    readings: tuple[ColumnReading, ...] = ()
    specs: Mapping[str, ColumnSpec] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    read_options: ReadOptions = LOOK
    target: TargetReading | None = None
    shapes: InputShapes | None = None
    as_shaped: bool = False
    time: np.ndarray | None = None
    time_name: str | None = None
    score_by: np.ndarray | None = None
    score_by_name: str | None = None

    @property
    def target_names(self) -> tuple[str, ...]:
        """Return the names of several targets; nothing where there is one."""
        return () if self.target is None else tuple(part.name for part in self.target.parts)

    def by_target(self) -> tuple[Dataset, ...]:
        """Return a data set for each of several targets, as numbers; itself where there is one."""
        if self.y.ndim == 1:
            return (self,)
        numbers = self.y.T.astype(np.float64)
        alone = tuple(replace(self, y=y, task="regression", test=None) for y in numbers)
        for one in alone:
            one.__dict__["columns"] = self.columns  # judged once
        return alone

    @property
    def one_number(self) -> np.ndarray:
        """Return the target, (n,); of several the mean of what each is of its spread."""
        if self.y.ndim == 1:
            return self.y
        spread = self.y.std(axis=0)
        return ((self.y - self.y.mean(axis=0)) / np.where(spread > 0, spread, 1.0)).mean(axis=1)

    @property
    def n_samples(self) -> int:
        """Return the number of rows, without those of an own test set."""
        return len(self.y)

    @property
    def n_features(self) -> int:
        """Return the number of raw columns."""
        return len(self.input_names)

    @property
    def pixels(self) -> bool:
        """Return whether `X` holds pictures of bytes, which need no fitted preprocessing."""
        return self.image_shape is not None and getattr(self.X, "dtype", None) == np.uint8

    @property
    def rules(self) -> dict[str, CellRule]:
        """Return how the cells of each column were read: rows that go with these are read so."""
        return {reading.name: reading.rule for reading in self.readings}

    @cached_property
    def columns(self) -> InputColumns:
        """Return the columns of `X`, judged once for all fits of a `Preprocessing`."""
        names = self.input_names if isinstance(self.X, np.ndarray) else None
        return InputColumns.of(
            self.X,
            image=self.pixels,
            shaped=self.as_shaped and not self.pixels,
            names=names,
            rules=self.rules,
            specs=self.specs,
        )


def take_rows(X: RawRows, rows: np.ndarray) -> RawRows:
    """Return some rows of a table or of an array, in the order asked for.

    Args:
        X: a `pandas.DataFrame` or an array (n, d).
        rows: (m,) row numbers, counted from 0.

    Returns:
        The same kind of object with m rows.

    >>> take_rows(np.array([[1, 2], [3, 4]]), np.array([1]))
    array([[3, 4]])
    """
    return X[rows] if isinstance(X, np.ndarray) else X.iloc[rows]
