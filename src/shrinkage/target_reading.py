"""What a target column was taken for, and why: the record that is told back.

Who uses this: `datasets.target_rules` decides, every `Dataset` carries the record, the run
directory keeps it (`target` in `summary.json`), the terminal and the report tell it in the words
of `shrinkage.reports.told`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

TASK_OPTION = "--task"
"""The option that overrides what was decided."""

_SHOWN = 4


class TaskReason(StrEnum):
    """Why a target means classes or numbers; the value is its name in JSON."""

    ASKED = "asked"
    TEXT = "text"
    BOOLEAN = "boolean"
    CATEGORIES = "categories"
    TWO_VALUES = "two_values"
    REPEATED = "repeated_whole_numbers"
    BALANCED = "balanced_whole_numbers"
    PADDED = "numbers_with_leading_zeros"
    WORDS_AND_NUMBERS = "words_and_numbers"
    FRACTIONS = "fractions"
    FEW_ROWS_A_VALUE = "few_rows_a_value"
    YEARS = "years"
    SMOOTH_COUNTS = "smooth_counts"
    MANY_VALUES = "many_values"


@dataclass(frozen=True)
class TargetReading:
    """A decision about a target.

    Args:
        name: the column.
        task: `classification` or `regression`.
        why: the reason.
        rows: how many rows have a target.
        distinct: how many different values they hold.
        dropped: rows that were left out because their target is missing.
        classes: the labels in sorted order; empty for regression.
        counts: rows of each class; empty for regression.
        least: the smallest value; None for classes.
        largest: the largest value; None for classes.
        words: words that often mean `missing` and are classes here.
        alike: labels that differ from another one by case or blanks alone.
        truths: in a file, spellings of false and true (`Yes`, `Y`) that were taken for the
            commonest one of each.
        order: the order of labels that came with one.
        left_out: what the cells of the dropped rows say, each once.
        merged: rare labels that are the class `other` here.
        respelled: of rows beside those of training, labels as they were spelled and as training
            spells them.
        one_each: whether of several labels every row has exactly one.
        parts: of several targets the reading of each.
        events: of times, how many are of the event; the others are censored. None: no times.
        other: the other task, where the values allow it (`--task` chooses it), or None.

    >>> reading = TargetReading("y", "regression", TaskReason.FRACTIONS, 9, 9, least=0.5)
    >>> TargetReading.from_dict(reading.to_dict()) == reading
    True
    """

    name: str
    task: str
    why: TaskReason
    rows: int
    distinct: int
    dropped: int = 0
    classes: tuple[str | int | float | bool, ...] = ()
    counts: tuple[int, ...] = ()
    least: float | None = None
    largest: float | None = None
    words: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    truths: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    respelled: tuple[tuple[str, str], ...] = ()
    other: str | None = None
    events: int | None = None
    one_each: bool = False
    parts: tuple[TargetReading, ...] = ()

    def notes(self) -> tuple[str, ...]:
        """Return what is told of labels that were spelled otherwise than in training."""
        if not self.respelled:
            return ()
        shown = ", ".join(f"{own!r} for {label!r}" for own, label in self.respelled[:_SHOWN])
        more = ", …" if self.respelled[_SHOWN:] else ""
        return (f"labels of {self.name!r} taken for those of training: {shown}{more}",)

    def of_times(self, y: np.ndarray) -> TargetReading:
        """Return the reading of times, (n,), that have a minus where the event did not come."""
        sizes, events = np.abs(y), int((y > 0).sum())
        least, largest = float(sizes.min()), float(sizes.max())
        return replace(self, least=least, largest=largest, events=events)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        values = {**vars(self), "why": self.why.value}
        del values["parts"], values["respelled"]  # the second is told, and kept nowhere
        for name, nothing in (("events", None), ("order", ()), ("one_each", False)):
            if values[name] == nothing:
                del values[name]
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
        return plain | ({"parts": [part.to_dict() for part in self.parts]} if self.parts else {})

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> TargetReading:
        """Return what `to_dict` described."""
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()}
        parts = tuple(map(cls.from_dict, stored.get("parts", ())))
        return cls(**{**values, "why": TaskReason(stored["why"]), "parts": parts})
