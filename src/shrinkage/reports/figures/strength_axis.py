"""The horizontal axis that all pictures along the path share: strengths on a log scale.

A strength of 0 has no place on a log scale: it is drawn one step left of the smallest positive
strength and labelled 0.
"""

from __future__ import annotations

import math

import numpy as np

from shrinkage.drawing.figures import Axis, Mark, Ticks
from shrinkage.drawing.text import strength_text
from shrinkage.paths.results import PathResult
from shrinkage.reports.reading import chosen_or_none, varied_name

LABELS = {
    "strength": "strength λ (log scale), stronger to the right",
    "compression": "compression (log scale): so many times smaller, to the right",
}
FEW_DECADES = 1.3


def positions(strengths: np.ndarray) -> np.ndarray:
    """Return where each strength is drawn on the log axis.

    >>> positions(np.array([0.0, 0.1, 1.0])).round(3).tolist()
    [0.01, 0.1, 1.0]
    """
    strengths = np.asarray(strengths, dtype=float)
    positive = strengths[strengths > 0]
    if len(positive) == 0:
        return np.ones_like(strengths)
    step = positive[1] / positive[0] if len(positive) > 1 else 10.0
    return np.where(strengths > 0, strengths, positive[0] / max(step, 1.5))


def strength_axis(result: PathResult) -> Axis:
    """Return the axis, with ticks at whole decades, or at the strengths where there are few."""
    at = positions(result.strengths)
    low, high = float(at.min()), float(at.max())
    pad = (high / low) ** 0.04 if high > low else 2.0
    limits = (low / pad, high * pad)
    if math.log10(high / low) < FEW_DECADES:
        ticks = _ticks_at_strengths(result, at)
    else:
        ticks = _ticks_at_decades(result, at)
    return Axis(LABELS[varied_name(result)], log=True, ticks=ticks, limits=limits)


def choice_marks(result: PathResult) -> tuple[Mark, ...]:
    """Return the vertical lines at the best and the one-standard-error strength."""
    at = positions(result.strengths)
    best, goal = result.best, chosen_or_none(result, "goal")
    if goal is not None and goal.index is not None:
        return (Mark(float(at[goal.index]), "goal", "simple"),)
    simple = chosen_or_none(result, "one_standard_error")
    marks = []
    if best.index is not None:
        marks.append(Mark(float(at[best.index]), "best", "best"))
    if simple is not None and simple.index is not None and simple.index != best.index:
        marks.append(Mark(float(at[simple.index]), "1 s.e.", "simple"))
    elif simple is not None and marks:
        marks = [Mark(marks[0].at, "best = 1 s.e.", "best")]
    return tuple(marks)


def _ticks_at_strengths(result: PathResult, at: np.ndarray) -> Ticks:
    every = math.ceil(len(at) / 6)
    chosen = range(0, len(at), every)
    labels = tuple(strength_text(float(result.strengths[i])) for i in chosen)
    return Ticks(tuple(float(at[i]) for i in chosen), labels)


def _ticks_at_decades(result: PathResult, at: np.ndarray) -> Ticks:
    positive = at[np.asarray(result.strengths) > 0]
    first = math.ceil(math.log10(positive.min()) - 1e-9)
    last = math.floor(math.log10(positive.max()) + 1e-9)
    every = math.ceil((last - first + 1) / 8)
    powers = range(first, last + 1, every)
    places, labels = [10.0**power for power in powers], _power_labels(powers)
    if len(positive) < len(at):
        places, labels = [float(at.min()), *places], ["0", *labels]
    return Ticks(tuple(places), tuple(labels))


def _power_labels(powers: range) -> list[str]:
    """Return 0.01, 1, 100 where all are short, else powers of ten with raised digits."""
    if powers[0] >= -4 and powers[-1] <= 3:
        return [strength_text(10.0**power) for power in powers]
    raised = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    return ["10" + str(power).translate(raised) for power in powers]
