"""From the cells of a target to labels or numbers, with a record of what was decided and why.

Who uses this: every loader. Nothing is read as missing in silence: a missing target is an error
until the rows are dropped on request, and the record says how many were.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from shrinkage.checks import one_of
from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.cells import Locate, plain_row, text_cells
from shrinkage.datasets.column_readings import ColumnReading
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec
from shrinkage.datasets.columns import judge_column
from shrinkage.datasets.dataset import TASKS
from shrinkage.datasets.judging.base import ENOUGH
from shrinkage.datasets.target_cells import (
    PLAIN_NUMBERS,
    TargetCells,
    are_padded,
    read_texts,
    target_cells,
)
from shrinkage.datasets.target_rules import AMOUNTS, are_whole, reason_of_numbers
from shrinkage.datasets.targets import plain_label
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError, near_names
from shrinkage.target_reading import TargetReading, TaskReason

MISSING_TARGETS = ("refuse", "drop", "class")
"""What is done about rows without a target: refuse or drop them, or take words as classes."""


MOST_SINGLE_LABELS = 20
"""So many different texts are labels however few rows there are."""

NOTHING_SAID = ColumnSpec()


@dataclass(frozen=True, eq=False)
class Wish:
    """What a person wants of a target: its name, task, what to do about missing cells, its spec."""

    name: str
    task: str | None
    missing: str
    locate: Locate
    spec: ColumnSpec


@dataclass(frozen=True, eq=False)
class Target:
    """A target that was read.

    Args:
        y: labels (text as dtype object, booleans, int64, float64) or float64 numbers.
        reading: what was decided.
        rows: positions of the rows that have a target, or None where all have one.
        column: how the cells of its column were read, in a table.
    """

    y: np.ndarray
    reading: TargetReading
    rows: np.ndarray | None = None
    column: ColumnReading | None = None


def read_target(
    values: object,
    name: str = "target",
    *,
    task: str | None = None,
    missing: str = "refuse",
    locate: Locate = plain_row,
    written: bool = False,
    spec: ColumnSpec = NOTHING_SAID,
) -> Target:
    """Read a target and decide whether it means classes or numbers.

    Args:
        values: (n,) raw targets: an array, a list or a series.
        name: the target's name.
        task: `classification` or `regression` instead of the decision.
        missing: `refuse`, `drop` (leave rows without a target out) or `class` (words such as
            `None` and `NA` in a file are classes).
        locate: words for a row.
        written: whether the cells are text of a file.
        spec: what a person said about the column.

    Returns:
        The target.

    Raises:
        InputError: missing, infinite or constant values; words as a regression target.

    >>> read_target(["no", "yes"]).reading.task, read_target([0.5, 1.5]).reading.task
    ('classification', 'regression')
    >>> read_target(["01", "02"] * 9, written=True).y[:2].tolist()
    ['01', '02']
    """
    if task is not None and task not in TASKS:
        raise InputError(
            f"expected a task {' or '.join(TASKS)}, got {task!r}: "
            f"{near_names(task, TASKS) or 'leave it out, and it is guessed'}"
        )
    one_of(missing, "missing target", MISSING_TARGETS)
    cells = target_cells(values, name, written=written, missing_words=spec.missing)
    raw = cells.values
    cells, why = _decided(cells, Wish(name, task, missing, locate, spec))
    keep = present_rows(cells, raw, name, missing, locate)
    y = cells.values[keep]
    require_finite_targets(cells, name, locate)
    _require_two(y, name)
    regression = task == "regression" or (task is None and why in AMOUNTS)
    reading = summarized(y, name, regression, TaskReason.ASKED if task else why, cells)
    if keep.all():
        return Target(y, reading)
    left_out = sorted({one_line(raw[row], 40) for row in np.flatnonzero(~keep)} - {"", "nan"})
    reading = replace(reading, dropped=int((~keep).sum()), left_out=tuple(left_out))
    return Target(y, reading, np.flatnonzero(keep))


def _decided(cells: TargetCells, wish: Wish) -> tuple[TargetCells, TaskReason]:
    """Return the cells as labels or numbers, and why they are that."""
    if cells.values.dtype == bool:
        if wish.task == "regression":
            return replace(cells, values=cells.values.astype(np.float64)), TaskReason.BOOLEAN
        return cells, TaskReason.BOOLEAN
    if cells.is_text:
        return _decided_text(cells, wish)
    present = cells.values[~cells.missing]
    if not len(present):
        return cells, TaskReason.FRACTIONS
    finite = present[np.isfinite(present)]
    why = TaskReason.CATEGORIES if cells.categories else reason_of_numbers(finite)
    classes = wish.task == "classification" or (wish.task is None and why not in AMOUNTS)
    if classes and are_whole(finite) and len(finite) == len(present):
        whole = np.where(cells.missing, 0, cells.values).astype(np.int64)
        return replace(cells, values=whole), why
    return cells, why


def _decided_text(cells: TargetCells, wish: Wish) -> tuple[TargetCells, TaskReason]:
    """Decide about text: numbers as programs write them, as people do, or labels."""
    sure = ~cells.missing & ~cells.perhaps
    if not sure.any():
        return cells, TaskReason.TEXT
    values = read_texts(cells.values)
    is_number = ~np.isnan(values)
    if is_number[sure].all():
        return _numbers_in_text(cells, values, wish.task)
    if not cells.written and wish.task != "regression":
        return cells, TaskReason.TEXT
    share = is_number[sure].mean()
    amounts = share >= ENOUGH and reason_of_numbers(values[sure & is_number]) in AMOUNTS
    if wish.task != "classification" and not amounts:
        judged = _judged_numbers(cells, wish)
        if judged is not None:
            return judged
    if wish.task == "regression" or (wish.task is None and amounts):
        numbers = read_as_numbers(cells, wish.name, wish.missing, wish.locate)
        return numbers, TaskReason.MANY_VALUES
    return _labels_in_text(cells, wish, TaskReason.WORDS_AND_NUMBERS if share else TaskReason.TEXT)


def _labels_in_text(
    cells: TargetCells, wish: Wish, why: TaskReason
) -> tuple[TargetCells, TaskReason]:
    if cells.written:
        cells = _with_words(cells, wish.missing)
        if set(cells.values[~cells.missing]) <= {"True", "False"}:
            return replace(cells, values=cells.values == "True"), TaskReason.BOOLEAN
    labels = cells.values[~cells.missing]
    if wish.task is None and len(pd.unique(labels)) > max(MOST_SINGLE_LABELS, len(labels) / 2):
        raise InputError(
            f"target {wish.name!r}: expected labels that several rows share, or numbers, got "
            f"{len(pd.unique(labels)):,} different texts in {len(labels):,} rows, such as "
            f"{one_line(labels[0], 40)!r}: choose another target"
        )
    return cells, why


def _judged_numbers(cells: TargetCells, wish: Wish) -> tuple[TargetCells, TaskReason] | None:
    """Return text that spells amounts as people write them (`$1,234`, `12 %`) as numbers."""
    try:
        judged = judge_column(wish.name, text_cells(cells.values), wish.spec, locate=wish.locate)
    except InputError:
        if wish.missing == "drop" or wish.task == "classification":
            return None
        raise
    if judged.reading.kind is not ColumnKind.NUMERIC:
        return None
    values = judged.values.to_numpy(np.float64)
    missing = np.isnan(values)
    why = reason_of_numbers(values[np.isfinite(values)])
    if wish.task is None and why not in AMOUNTS:
        return None
    return TargetCells(values, missing, np.zeros_like(missing), written=True), why


def read_as_numbers(
    cells: TargetCells, name: str, missing: str, locate: Locate, rule: CellRule = PLAIN_NUMBERS
) -> TargetCells:
    """Return the cells of a regression target as numbers.

    Raises:
        InputError: a cell is a word, and rows without a number are not to be dropped.
    """
    if not cells.is_text:
        return replace(cells, values=cells.values.astype(np.float64))
    values = read_texts(cells.values, rule)
    none = np.isnan(values)
    words = none & ~cells.missing & ~cells.perhaps
    count, total = int((~none).sum()), int((~none | words).sum())
    if words.any() and (missing != "drop" or not count):
        row = int(np.argmax(words))
        raise _no_number(cells.values[row], name, locate(row), count, total)
    return replace(cells, values=values, missing=none, perhaps=np.zeros_like(none))


def _numbers_in_text(
    cells: TargetCells, values: np.ndarray, task: str | None
) -> tuple[TargetCells, TaskReason]:
    """Return text that is all numbers as numbers, or as the labels that it spells."""
    missing = np.isnan(values)  # in a column of numbers a word is a missing cell
    as_numbers = TargetCells(values, missing, np.zeros_like(missing), written=cells.written)
    finite = values[np.isfinite(values)]
    why = reason_of_numbers(finite) if len(finite) else TaskReason.FRACTIONS
    if task == "regression" or (task is None and why in AMOUNTS):
        return as_numbers, why
    padded = are_padded(cells.values)
    if padded or not cells.written:
        return replace(cells, missing=missing), TaskReason.PADDED if padded else TaskReason.TEXT
    if not are_whole(finite) or len(finite) < len(values[~missing]):
        return as_numbers, why
    return replace(as_numbers, values=np.where(missing, 0, values).astype(np.int64)), why


def _with_words(cells: TargetCells, missing: str) -> TargetCells:
    """Decide which words among labels are missing: those rarer than a label usually is."""
    words = cells.perhaps
    if missing == "class" or not words.any():
        return cells
    if missing == "drop":
        return replace(cells, missing=cells.missing | words)
    labels = pd.Series(cells.values[~cells.missing & ~words]).value_counts()
    counts = pd.Series(cells.values[words]).value_counts()
    rare = counts.index[counts < max(2, labels.median())] if len(labels) else counts.index
    return replace(cells, missing=cells.missing | (words & np.isin(cells.values, rare)))


def present_rows(
    cells: TargetCells, raw: np.ndarray, name: str, missing: str, locate: Locate
) -> np.ndarray:
    """Return where there is a target; raise unless all rows have one or they are to be dropped.

    Raises:
        InputError: a target is missing, and nobody said to drop such rows.
    """
    keep = ~cells.missing
    if keep.all() or (missing == "drop" and keep.any()):
        return keep
    row, count = int(np.argmax(~keep)), int((~keep).sum())
    word = raw[row] if raw.dtype == object else ""
    got = f"{word!r}, which means a missing value" if word else "a missing or NaN value"
    class_of_its_own = (
        "; if it is a class, say so with --missing-target class (missing_target='class')"
        if isinstance(word, str) and cells.perhaps[row]
        else ""
    )
    raise InputError(
        f"target {name!r}, {locate(row)}: expected a value, got {got} ({count} such "
        f"{'row' if count == 1 else 'rows'} of {len(keep)}): fill or remove the row, or leave them "
        f"out with --drop-missing-target (missing_target='drop'){class_of_its_own}"
    )


def require_finite_targets(cells: TargetCells, name: str, locate: Locate) -> None:
    """Raise when a number is infinite.

    Raises:
        InputError: names the row.
    """
    values = cells.values
    if values.dtype != np.float64:
        return
    infinite = np.isinf(values) & ~cells.missing
    if infinite.any():
        row = int(np.argmax(infinite))
        raise InputError(
            f"target {name!r}, {locate(row)}: expected a finite number, got "
            f"{str(values[row])!r}: correct or remove the row ({int(infinite.sum())} such rows)"
        )


def _require_two(y: np.ndarray, name: str) -> None:
    distinct = pd.unique(y)
    if len(distinct) < 2:
        got = f"only {distinct.tolist()[0]!r}" if len(distinct) else "no rows"
        raise InputError(
            f"target {name!r}: expected at least two different values, got {got}: "
            "choose another target"
        )


def _no_number(cell: str, name: str, place: str, count: int, total: int) -> InputError:
    if count == 0:
        return InputError(
            f"target {name!r}: expected numbers for regression, got text such as {cell!r}: "
            "use task classification or another target"
        )
    return InputError(
        f"target {name!r}, {place}: expected a number as in {count} of its {total} cells, got "
        f"{cell!r}: correct it, leave such rows out with --drop-missing-target "
        "(missing_target='drop'), or use task classification"
    )


def summarized(
    y: np.ndarray, name: str, regression: bool, why: TaskReason, cells: TargetCells
) -> TargetReading:
    """Return the record of a target whose values are known."""
    if regression:
        other = "classification" if are_whole(y) else None
        return TargetReading(
            name,
            "regression",
            why,
            len(y),
            len(np.unique(y)),
            least=float(y.min()),
            largest=float(y.max()),
            other=other,
        )
    labels, counts = np.unique(y, return_counts=True)
    words = cells.values[cells.perhaps & ~cells.missing]
    numeric = y.dtype != object and y.dtype != bool
    return TargetReading(
        name,
        "classification",
        why,
        len(y),
        len(labels),
        classes=tuple(plain_label(label) for label in labels),
        counts=tuple(counts.tolist()),
        words=tuple(sorted(set(words))) if cells.is_text else (),
        other="regression" if numeric else None,
    )
