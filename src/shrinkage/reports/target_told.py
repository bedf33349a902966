"""What a target was taken for, in a sentence.

Who uses this: the terminal, before training, and the page. It reads the record's fields; names and
labels come from data, so they are shown as printable text on one line.
"""

from __future__ import annotations

from collections.abc import Mapping

from shrinkage.drawing.text import count_text, number_text, plain, share_text, with_minus
from shrinkage.target_reading import TASK_OPTION, TargetReading, TaskReason

SHOWN = 6
"""So many classes are told, the largest first."""

WHOLE = 1e6
"""Whole numbers below it are told with all their digits."""

_REASONS: Mapping[TaskReason, str] = {
    TaskReason.ASKED: f"as {TASK_OPTION} or --loss says",
    TaskReason.TEXT: "text",
    TaskReason.BOOLEAN: "true or false",
    TaskReason.CATEGORIES: "a column of categories",
    TaskReason.TWO_VALUES: "two values",
    TaskReason.REPEATED: "few whole numbers, each in many rows",
    TaskReason.BALANCED: "whole numbers, each in about as many rows",
    TaskReason.PADDED: "numbers with zeros in front, kept as they are written",
    TaskReason.WORDS_AND_NUMBERS: "words and numbers, kept as they are written",
    TaskReason.FRACTIONS: "numbers with fractions",
    TaskReason.FEW_ROWS_A_VALUE: "whole numbers with few rows each",
    TaskReason.YEARS: "years",
    TaskReason.SMOOTH_COUNTS: "whole numbers that are as frequent as their neighbours, like counts",
    TaskReason.MANY_VALUES: "many different numbers",
}


def target_text(reading: TargetReading) -> str:
    """Return what was decided about a target, why, and how to decide otherwise.

    >>> reading = TargetReading("price", "regression", TaskReason.FRACTIONS, 90, 80,
    ...     least=1.5, largest=9.0)
    >>> target_text(reading)
    "target 'price': a regression (numbers with fractions), 90 rows from 1.50 to 9.00"
    """
    name, why = repr(plain(reading.name, 40)), _REASONS[reading.why]
    rows = count_text(reading.rows, "row")
    if reading.parts:
        return "; ".join([_several(reading, rows), *_remarks(reading)])
    if reading.task == "classification":
        said = f"target {name}: {reading.distinct:,} classes ({why}), {rows}: {_classes(reading)}"
    elif reading.events is not None:
        ends = _ends(reading)
        said = f"target {name}: censored times, {rows} {ends}, "
        said += f"{reading.events:,} of them of the event"
    else:
        said = f"target {name}: a regression ({why}), {rows} {_ends(reading)}"
    return "; ".join([said, *_remarks(reading)])


def _several(reading: TargetReading, rows: str) -> str:
    """Return what several targets are, each in a few words.

    >>> part = TargetReading("a", "classification", TaskReason.TWO_VALUES, 4, 2, classes=(0, 1),
    ...     counts=(3, 1))
    >>> _several(TargetReading("a, b", "multi-label", part.why, 4, 4, parts=(part, part)), "4 rows")
    '2 labels, 4 rows: a in 25 %, a in 25 %'
    """
    labels = reading.task == "multi-label"
    told = [_part(part) for part in reading.parts[:SHOWN]]
    more = ", …" if len(reading.parts) > SHOWN else ""
    what = "labels" if labels else "targets that are numbers"
    return f"{len(reading.parts):,} {what}, {rows}: {', '.join(told)}{more}"


def _part(part: TargetReading) -> str:
    name = plain(part.name, 30)
    if part.counts:
        return f"{name} in {share_text(part.counts[-1] / sum(part.counts))}"
    return f"{name} {_ends(part)}"


def _ends(reading: TargetReading) -> str:
    """Return the range of numbers, whole ones without a point.

    >>> _ends(TargetReading("y", "regression", TaskReason.YEARS, 9, 9, least=0.0, largest=26.0))
    'from 0 to 26'
    """
    ends = [value for value in (reading.least, reading.largest) if value is not None]
    if all(value.is_integer() and abs(value) < WHOLE for value in ends):
        return " to ".join(["from " + with_minus(f"{ends[0]:.0f}"), with_minus(f"{ends[-1]:.0f}")])
    return f"from {number_text(reading.least)} to {number_text(reading.largest)}"


def _classes(reading: TargetReading) -> str:
    pairs = sorted(zip(reading.counts, reading.classes, strict=True), key=lambda pair: -pair[0])
    shown = [f"{_label(label)} {count:,}" for count, label in pairs[:SHOWN]]
    return ", ".join(shown) + (", …" if len(pairs) > SHOWN else "")


def _label(label: object) -> str:
    return repr(plain(label, 30)) if isinstance(label, str) else str(label)


def _remarks(reading: TargetReading) -> list[str]:
    remarks = []
    if reading.one_each:
        remarks.append(
            "every row has exactly one of them: as one target, of the one that is there, they are "
            "classes (y.argmax(axis=1))"
        )
    if len(reading.order) > 2:
        order = ", ".join(map(_label, reading.order[:SHOWN]))
        more = ", …" if len(reading.order) > SHOWN else ""
        remarks.append(f"their order, {order}{more}, is that of --loss ordinal")
    if reading.words:
        words = ", ".join(map(_label, reading.words))
        remarks.append(f"{words} taken for a class, not for missing")
    if reading.alike:
        few = ", ".join(map(_label, reading.alike[:SHOWN]))
        remarks.append(f"classes that differ by case or blanks alone are kept apart: {few}")
    if reading.truths:
        few = ", ".join(map(_label, reading.truths[:SHOWN]))
        remarks.append(f"{few} are other spellings of the two")
    if reading.merged:
        few = ", ".join(map(_label, reading.merged[:SHOWN]))
        remarks.append(f"merged into 'other': {few}{', …' if reading.merged[SHOWN:] else ''}")
    if reading.dropped:
        left = ", ".join(map(_label, reading.left_out[:SHOWN]))
        remarks.append(
            f"{count_text(reading.dropped, 'row')} without a target left out"
            + (f" ({left})" if left else "")
        )
    if reading.other and reading.why not in (TaskReason.ASKED, TaskReason.TWO_VALUES):
        remarks.append(f"{TASK_OPTION} {reading.other} decides otherwise")
    return remarks
