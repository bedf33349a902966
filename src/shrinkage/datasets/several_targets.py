"""Several target columns as one target: numbers side by side, or labels that are there or not.

Who uses this: the readers of tables and arrays, when more than one column is to be predicted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shrinkage.datasets.cells import level_text
from shrinkage.datasets.column_readings import ColumnReading
from shrinkage.datasets.read_target import Target
from shrinkage.datasets.roles import Roles
from shrinkage.datasets.wording import listed
from shrinkage.errors import InputError
from shrinkage.target_reading import TargetReading, TaskReason

MULTI_LABEL = "multi-label"
ABSENT_PRESENT = (("0", "1"), ("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"))
_PRESENT = tuple(present for _, present in ABSENT_PRESENT)
ReadOne = Callable[[str, Roles], Target]


@dataclass(frozen=True, eq=False)
class Targets:
    """One target or several that were read; fields as those of `Target`, y perhaps (n, targets)."""

    y: np.ndarray
    reading: TargetReading
    rows: np.ndarray | None
    columns: tuple[ColumnReading, ...] = ()


def read_targets(names: Sequence[str], roles: Roles, read: ReadOne, rows: int) -> Targets:
    """Read one target column or several; of several a row needs them all.

    Args:
        names: of the columns.
        roles: the task, what to do about missing targets, the reading of training.
        read: reads the column of a name as roles say.
        rows: how many rows there are.

    Raises:
        InputError: several targets that are neither all numbers nor all of 0 and 1, or that all
            have one value in all rows.
    """
    if len(names) == 1:
        only = read(names[0], roles)
        return Targets(only.y, only.reading, only.rows, _columns([only]))
    each = zip(names, _roles_of_each(names, roles), strict=True)
    targets = [read(name, one) for name, one in each]
    if roles.like is None:
        _require_one_that_varies(targets)
    task = _task(targets, roles)
    if task == "regression":
        regression = replace(roles, task=task, of_several=True)
        targets = [
            target if target.reading.task == task or roles.like else read(name, regression)
            for name, target in zip(names, targets, strict=True)
        ]
    keep = np.ones(rows, dtype=bool)
    for target in targets:
        keep &= np.isin(np.arange(rows), target.rows) if target.rows is not None else True
    read_before = () if roles.like is None else roles.like.parts
    classes = [one.classes for one in read_before or [target.reading for target in targets]]
    numbers = [_spread(*pair, rows) for pair in zip(targets, classes, strict=True)]
    y = np.column_stack(numbers)[keep]
    if task == MULTI_LABEL:
        y = y.astype(np.int64)
    return Targets(
        y,
        _reading(targets, names, task, y),
        None if keep.all() else np.flatnonzero(keep),
        _columns(targets),
    )


def _roles_of_each(names: Sequence[str], roles: Roles) -> list[Roles]:
    """Return the roles under which each target is read: its own reading of training."""
    if roles.like is None:
        task = None if roles.task == MULTI_LABEL else roles.task
        return [replace(roles, task=task, of_several=True)] * len(names)
    if len(roles.like.parts) != len(names):
        raise InputError(
            f"expected {max(1, len(roles.like.parts))} targets as in training, got {len(names)}: "
            "give the same columns"
        )
    return [replace(roles, like=part) for part in roles.like.parts]


def _task(targets: Sequence[Target], roles: Roles) -> str:
    if roles.like is not None:
        return roles.like.task
    if roles.task == "regression":
        return roles.task
    readings = [target.reading for target in targets]
    if all(reading.classes and _is_label(reading) for reading in readings):
        return MULTI_LABEL
    numbers = all(target.y.dtype.kind in "fiu" for target in targets)
    if roles.task is None and numbers and any(one.task == "regression" for one in readings):
        return "regression"
    wrong = next(one for one in readings if not _is_label(one))
    others = [one for one in readings if one is not wrong]
    other = next((one for one in others if _is_label(one)), others[0])
    got = " and ".join(f"{one.name!r} with {_values(one)}" for one in (wrong, other))
    raise InputError(
        "expected several targets to be all numbers, or all labels of 0 and 1 (no and yes, …), "
        f"got {got}: name one target, or write its labels as columns of 0 and 1"
        + (", or say --task regression" if numbers else "")
    )


def _is_label(reading: TargetReading) -> bool:
    """Return whether a target is 0 and 1, or spells false and true."""
    spelled = _spelled(reading)
    return bool(spelled) and any(set(spelled) <= set(pair) for pair in ABSENT_PRESENT)


def _spelled(reading: TargetReading) -> tuple[str, ...]:
    return tuple(level_text(label).lower() for label in reading.classes)


def _values(reading: TargetReading) -> str:
    return listed(reading.classes) if reading.classes else "numbers"


def _require_one_that_varies(targets: Sequence[Target]) -> None:
    if all(target.reading.distinct < 2 for target in targets):
        raise InputError(
            "expected a target with at least two different values, got "
            f"{len(targets)} that have one each in all rows: choose other targets"
        )


def _spread(target: Target, classes: Sequence[object], rows: int) -> np.ndarray:
    """Return a target as numbers in all rows, NaN where it is missing."""
    y = target.y
    if y.dtype.kind not in "fiu" and classes:
        present = len(classes) > 1 or level_text(classes[-1]).lower() in _PRESENT
        y = (y == classes[-1]) & present
    values = np.full(rows, np.nan)
    values[slice(None) if target.rows is None else target.rows] = y.astype(np.float64)
    return values


def _reading(
    targets: Sequence[Target], names: Sequence[str], task: str, y: np.ndarray
) -> TargetReading:
    parts = tuple(target.reading for target in targets)
    why = TaskReason.ASKED if any(part.why is TaskReason.ASKED for part in parts) else parts[0].why
    dropped = max(part.dropped for part in parts)
    distinct = len(np.unique(y, axis=0))
    name, one_each = ", ".join(names), task == MULTI_LABEL and bool((y.sum(axis=1) == 1).all())
    return TargetReading(name, task, why, len(y), distinct, dropped, one_each=one_each, parts=parts)


def _columns(targets: Sequence[Target]) -> tuple[ColumnReading, ...]:
    return tuple(target.column for target in targets if target.column is not None)
