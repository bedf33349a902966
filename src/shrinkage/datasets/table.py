"""From a table with named columns to a `Dataset`: which column plays which role."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd

from shrinkage.datasets.cells import Locate, plain_row
from shrinkage.datasets.columns import typed_series
from shrinkage.datasets.dataset import Dataset
from shrinkage.datasets.pixels import as_pixels
from shrinkage.datasets.target_rules import check_target
from shrinkage.datasets.wording import hint, require_column
from shrinkage.errors import InputError

_COUNTED = re.compile(r"^(.+?)[_\-.:/# ]\d+$", re.DOTALL)


@dataclass(frozen=True)
class Roles:
    """What a person said about the columns, and the task if not guessed."""

    target: str | None = None
    drop: tuple[str, ...] = ()
    split_by: str | None = None
    sample_weight: str | None = None
    task: str | None = None

    def not_features(self) -> set[str]:
        """Return the columns that are no inputs."""
        named = (self.target, self.split_by, self.sample_weight)
        return {*self.drop, *(name for name in named if name is not None)}


class NamedColumns(Protocol):
    """Named columns that are typed when asked for."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the column names."""
        ...

    def column(self, name: str) -> pd.Series:
        """Return a column as float64 or category."""
        ...

    def locate(self, row: int) -> str:
        """Return words for a row counted from 0."""
        ...


@dataclass(frozen=True, eq=False)
class FrameTable:
    """A `pandas.DataFrame` as a `NamedColumns`."""

    frame: pd.DataFrame = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the column names, as text."""
        return tuple(str(name) for name in self.frame.columns)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def column(self, name: str) -> pd.Series:
        """Return a column as float64 or category."""
        return typed_series(name, self.frame.iloc[:, self._places[name]], self.locate)

    def locate(self, row: int) -> str:
        """Return `row r`, counted from 1."""
        return plain_row(row)


def dataset_from_table(name: str, table: NamedColumns, roles: Roles) -> Dataset:
    """Give every column its role, type the columns that are used, and check the target.

    Args:
        name: the data set's name.
        table: named columns.
        roles: target, dropped columns, groups, weights, task.

    Returns:
        The data set; X is a DataFrame of float64 and category columns, or uint8 pixels.

    Raises:
        InputError: unknown columns, bad cells, a bad target, bad weights, no input column left.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"x": [1, 2, 3], "label": ["a", "b", "a"]})
    >>> dataset_from_table("t", FrameTable(frame), Roles(target="label")).input_names
    ('x',)
    """
    target = _check_roles(table.names, roles)
    y, task = check_target(table.column(target), target, roles.task, table.locate)
    others = roles.not_features()
    inputs = tuple(column for column in table.names if column not in others)
    if not inputs:
        raise InputError(
            "expected at least one input column beside the target, got none: drop fewer columns"
        )
    frame = pd.DataFrame({column: table.column(column) for column in inputs})
    groups, note = None, ""
    if roles.split_by is not None:
        groups, note = group_values(table.column(roles.split_by), roles.split_by, table.locate)
    X, image_shape = as_pixels(frame)
    return Dataset(
        name=name,
        X=X,
        y=y,
        task=task,
        input_names=inputs,
        target_name=target,
        image_shape=image_shape,
        groups=groups,
        group_name=roles.split_by,
        group_note=note,
        sample_weight=_weights(table, roles.sample_weight),
    )


def _check_roles(names: Sequence[str], roles: Roles) -> str:
    """Return the target's name; raise unless every named column exists and has one role."""
    if len(set(names)) < len(names):
        raise InputError("expected different column names, got equal ones: rename them")
    if roles.target is None:
        raise InputError(
            f"expected the name of the target column, got none: name one with target; "
            f"{hint('', names)}"
        )
    require_column(roles.target, names, "target")
    for column in roles.drop:
        require_column(column, names, "drop")
    for column, role in ((roles.split_by, "split_by"), (roles.sample_weight, "sample_weight")):
        if column is not None:
            require_column(column, names, role)
    used = [roles.target, roles.split_by, roles.sample_weight, *roles.drop]
    twice = next((name for name in used if name is not None and used.count(name) > 1), None)
    if twice is not None:
        raise InputError(
            f"expected one role for column {twice!r}, got two of target, split_by, "
            "sample_weight and drop: name it once"
        )
    return roles.target


def group_values(values: object, name: str, locate: Locate = plain_row) -> tuple[np.ndarray, str]:
    """Return which rows belong together, as whole numbers, and a note for the report.

    When every value occurs once, no two rows would be kept together. Values such as `309_1`,
    `309_2` (an individual and a running number) are then cut before the running number, and a note
    says so; anything else is an error.

    Args:
        values: (n,) the column.
        name: its name.
        locate: words for a row.

    Returns:
        `(groups, note)`: int64 (n,), equal numbers belong together; the note may be empty.

    Raises:
        InputError: a missing value; or every value occurs once and none shares a prefix.

    >>> group_values(["a_1", "a_2", "b_1"], "id")[0]
    array([0, 0, 1])
    """
    series = pd.Series(values)
    missing = series.isna().to_numpy()
    if missing.any():
        raise InputError(
            f"column {name!r} (split_by), {locate(int(np.argmax(missing)))}: expected a group, "
            "got a missing value: fill it or remove the row"
        )
    codes, levels = pd.factorize(series)
    if len(levels) < len(codes):
        return codes.astype(np.int64), ""
    text = not pd.api.types.is_numeric_dtype(series.dtype)
    parts = [_COUNTED.match(str(level)) for level in levels]
    if text and all(parts):
        codes, kept = pd.factorize(np.array([part[1] for part in parts if part], dtype=object))
        if len(kept) < len(codes):
            note = (
                f"every {name} occurs once, so its running number was left out: "
                f"{len(kept)} groups, such as {kept[0]} for {levels[0]}"
            )
            return codes.astype(np.int64), note
    raise InputError(
        f"column {name!r} (split_by): expected values that several rows share, got a different "
        "one in every row: name a column of groups, or do not split by it"
    )


def check_weights(values: np.ndarray, name: str, locate: Locate = plain_row) -> np.ndarray:
    """Return sample weights as float64 after checking that they are ≥ 0, finite and not all 0.

    Args:
        values: (n,) numbers.
        name: the column's name.
        locate: words for a row.

    Returns:
        float64 (n,).

    Raises:
        InputError: a negative, missing or infinite weight, or only zeros.

    >>> check_weights(np.array([1, 2]), "w")
    array([1., 2.])
    """
    weights = np.asarray(values, dtype=np.float64)
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"sample weights {name!r}, {locate(row)}: expected a finite number of at least 0, "
            f"got {weights[row].item()!r}: correct it"
        )
    if not weights.any():
        raise InputError(
            f"sample weights {name!r}: expected some above 0, got only 0: correct them"
        )
    return weights


def _weights(table: NamedColumns, name: str | None) -> np.ndarray | None:
    if name is None:
        return None
    column = table.column(name)
    if column.dtype != np.float64:
        raise InputError(
            f"sample weights {name!r}: expected numbers, got text such as "
            f"{str(column.iloc[0])!r}: name a numeric column"
        )
    return check_weights(column.to_numpy(), name, table.locate)
