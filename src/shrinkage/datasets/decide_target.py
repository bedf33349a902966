"""Labels or numbers: what the cells of a target are taken for, and why.

Who uses this: `read_target`. A person's word comes first; else numbers as programs write them, then
as people do (`$1,234`, `12 %`), then labels, which keep their spelling.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.cells import Locate, text_cells
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec
from shrinkage.datasets.columns import judge_column
from shrinkage.datasets.judging.base import ENOUGH
from shrinkage.datasets.judging.date_forms import are_likely
from shrinkage.datasets.judging.level_forms import level_form
from shrinkage.datasets.target_cells import (
    DAYS,
    PLAIN_NUMBERS,
    TargetCells,
    are_padded,
    read_texts,
)
from shrinkage.datasets.target_rules import AMOUNTS, are_whole, reason_of_numbers
from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError
from shrinkage.target_reading import TaskReason

MOST_SINGLE_LABELS = 20
"""So many different texts are labels however few rows there are."""


@dataclass(frozen=True, eq=False)
class Wish:
    """What a person wants of a target: its name, task, what to do about missing cells, its spec."""

    name: str
    task: str | None
    missing: str
    locate: Locate
    spec: ColumnSpec


def decided(cells: TargetCells, wish: Wish) -> tuple[TargetCells, TaskReason]:
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
        cells = _with_one_spelling_of_truth(cells)
    labels = cells.values[~cells.missing]
    if wish.task is None and len(pd.unique(labels)) > max(MOST_SINGLE_LABELS, len(labels) / 2):
        raise InputError(
            f"target {wish.name!r}: expected labels that several rows share, or numbers, got "
            f"{len(pd.unique(labels)):,} different texts in {len(labels):,} rows, such as "
            f"{one_line(labels[0], 40)!r}: {_way_out(labels)}"
        )
    return cells, why


def _with_one_spelling_of_truth(cells: TargetCells) -> TargetCells:
    """Return labels that all mean false or true as two, each as most of its cells spell it."""
    codes, texts = pd.factorize(cells.values[~cells.missing])
    form = level_form(texts.tolist(), np.bincount(codes, minlength=len(texts)))
    if not form.truth:
        return cells
    values = cells.values.copy()
    values[~cells.missing] = np.array(form.spelled, dtype=object)[codes]
    return replace(cells, values=values, truths=tuple(sorted(text for text, _ in form.merged)))


def _way_out(labels: np.ndarray) -> str:
    """Return what to do about texts that all differ."""
    texts, counts = np.unique(labels.astype(str), return_counts=True)
    if are_likely(texts.tolist(), counts):
        return f"of dates make a number, {DAYS}; or choose another target"
    return "choose another target"


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
    usual = max(2.0, float(labels.median())) if len(labels) else np.inf
    rare = [str(word) for word, count in counts.items() if count < usual]
    return replace(cells, missing=cells.missing | (words & np.isin(cells.values, rare)))


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
