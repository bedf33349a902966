"""Which column of a table plays which role, and what groups and weights may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from shrinkage.comma_lists import CommaList, items_of
from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.cells import Locate, plain_row
from shrinkage.datasets.column_readings import ColumnRole
from shrinkage.datasets.column_specs import ColumnSpec
from shrinkage.datasets.wording import hint, listed, require_column
from shrinkage.errors import InputError
from shrinkage.target_reading import TargetReading

COUNTED = re.compile(r"^(.+?)[_\-.:/# ]\d+$", re.DOTALL)
"""An individual and a running number, such as `309_1`."""


@dataclass(frozen=True)
class Roles:
    """What a person said about the columns, and the task if not guessed.

    `specs` hold what a `columns.toml` says, by column. `rules` are those by which a training table
    was read: rows of another table are read by them.
    `further_targets` are those beside the first, `of_several` says that a target is one of many,
    which may have one value in all rows (a pixel of masks).
    `missing_target` is what `read_target` does with rows without a target; `like` is the reading
    of the training target for a set that goes with one.
    """

    target: str | None = None
    drop: tuple[str, ...] = ()
    split_by: str | None = None
    sample_weight: str | None = None
    task: str | None = None
    specs: Mapping[str, ColumnSpec] = field(default_factory=dict)
    rules: Mapping[str, CellRule] = field(default_factory=dict)
    missing_target: str = "refuse"
    like: TargetReading | None = None
    further_targets: tuple[str, ...] = ()
    time: str | None = None
    event: str | None = None
    score_by: str | None = None
    of_several: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        """Return the target columns."""
        return () if self.target is None else (self.target, *self.further_targets)

    def of(self, name: str) -> ColumnRole:
        """Return the role of a column that is not dropped.

        >>> Roles(target="y").of("y"), Roles(target="y").of("x")
        (<ColumnRole.TARGET: 'target'>, <ColumnRole.INPUT: 'input'>)
        """
        named = {
            **dict.fromkeys(self.targets, ColumnRole.TARGET),
            self.split_by: ColumnRole.GROUPS,
            self.sample_weight: ColumnRole.WEIGHTS,
            self.time: ColumnRole.TIME,
            self.event: ColumnRole.EVENT,
        }
        return named.get(name, ColumnRole.INPUT)

    def dropped(self) -> tuple[str, ...]:
        """Return the columns to leave out, by option or by `columns.toml`."""
        said = (name for name, spec in self.specs.items() if spec.drop)
        return tuple(dict.fromkeys((*self.drop, *said)))

    def among(self, names: Sequence[str]) -> Roles:
        """Return the roles with the lists that were typed cut into names of columns.

        >>> from shrinkage.comma_lists import CommaList
        >>> Roles(drop=(CommaList("a,b"), CommaList("c, d"))).among(("a,b", "c", "d")).drop
        ('a,b', 'c', 'd')
        """
        drop = tuple(dict.fromkeys(items_of(self.drop, names)))
        if not isinstance(self.target, CommaList):
            return replace(self, drop=drop)
        first, *others = items_of(self.targets, names) or (str(self.target),)
        return replace(self, drop=drop, target=first, further_targets=tuple(others))

    def not_features(self) -> set[str]:
        """Return the columns that are no inputs."""
        named = (*self.targets, self.split_by, self.sample_weight, self.time, self.event)
        return {*self.dropped(), *(name for name in named if name is not None)}


def refuse_drop(roles: Roles) -> None:
    """Raise when columns are to be dropped from data whose columns have no names of their own.

    >>> refuse_drop(Roles())
    """
    if roles.specs:
        raise InputError(
            f"expected no columns.toml for arrays or pictures, got one for {listed(roles.specs)}: "
            "it applies to tables"
        )
    if roles.drop:
        names = listed(items_of(roles.drop))
        raise InputError(
            f"expected no columns to drop from arrays or pictures, got {names}: "
            "drop applies to tables"
        )


def refuse_roles(name: str, roles: Roles) -> None:
    """Raise when columns are named for data that have pixels instead of named columns.

    >>> refuse_roles("digits", Roles())
    """
    refuse_drop(roles)
    for value, role in (
        (roles.target, "target"),
        (roles.split_by, "split_by"),
        (roles.sample_weight, "sample_weight"),
        (roles.time, "time"),
        (roles.event, "event"),
        (roles.score_by, "score_by"),
    ):
        if value is not None:
            raise InputError(
                f"expected no {role} for the pictures of {name!r}, got {value!r}: leave it out"
            )


def check_roles(names: Sequence[str], roles: Roles) -> str:
    """Return the target's name; raise unless every column that was named exists and has one role.

    >>> check_roles(("age", "class"), Roles(target="class"))
    'class'
    """
    if len(set(names)) < len(names):
        raise InputError("expected different column names, got equal ones: rename them")
    if roles.target is None:
        raise InputError(
            f"expected the name of the target column, got none: name one with --target (target=…); "
            f"{hint('', names)}"
        )
    for column in roles.targets:
        require_column(column, names, "target")
    for column in roles.drop:
        require_column(column, names, "drop")
    for column in roles.specs:
        require_column(column, names, "columns.toml")
    if roles.score_by is not None:
        require_column(roles.score_by, names, "score_by")
    others = {
        "split_by": roles.split_by,
        "sample_weight": roles.sample_weight,
        "time": roles.time,
        "event": roles.event,
    }
    for role, column in others.items():
        if column is not None:
            require_column(column, names, role)
    used = [*roles.targets, *others.values(), *roles.drop]
    twice = next((name for name in used if name is not None and used.count(name) > 1), None)
    if twice is not None:
        raise InputError(
            f"expected one role for column {twice!r}, got two of target, split_by, "
            "sample_weight, time, event and drop: name it once"
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
    counted = [COUNTED.match(str(level)) for level in levels]
    if text and all(counted):
        prefixes = np.array([match[1] for match in counted if match], dtype=object)
        codes, groups = pd.factorize(prefixes)
        if len(groups) < len(codes):
            note = (
                f"every {name} occurs once, so its running number was left out: "
                f"{len(groups)} groups, such as {groups[0]} for {levels[0]}"
            )
            return codes.astype(np.int64), note
    raise InputError(
        f"column {name!r} (split_by): expected values that several rows share, got a different "
        "one in every row: name a column of groups, or do not split by it"
    )


def column_weights(column: pd.Series, locate: Locate = plain_row) -> np.ndarray:
    """Return the weights of a typed column; see `check_weights`.

    Args:
        column: the cells, under the column's name.
        locate: words for a row.

    Raises:
        InputError: text, or what no weight can be.

    >>> column_weights(pd.Series([1.0, 2.0], name="w")).tolist()
    [1.0, 2.0]
    """
    if column.dtype != np.float64:
        raise InputError(
            f"sample weights {column.name!r}: expected numbers, got text such as "
            f"{str(column.iloc[0])!r}: name a numeric column"
        )
    return check_weights(column.to_numpy(), str(column.name), locate)


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
