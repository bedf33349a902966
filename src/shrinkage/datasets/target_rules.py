"""Whether numbers in a target mean classes or amounts.

Who uses this: `read_target`. Fractions are amounts. Whole numbers are classes when each of them
stands for many rows and nothing says that they are measured or counted: no years, no counts that
rise and fall smoothly from one value to the next, as those of ages, ratings and rings do.
"""

from __future__ import annotations

import numpy as np

from shrinkage.target_reading import TaskReason

LARGEST_EXACT = 2.0**53
"""Whole numbers beyond this are not all distinct as float64."""

FEW_VALUES = 20
"""Up to this many different whole numbers are classes if they repeat; more must be balanced too."""

MOST_NUMBERED_CLASSES = 1000
"""More different whole numbers than this are amounts."""

SMOOTH_FROM = 8
"""From this many values on, counts that follow the order of the values are those of an amount."""

ORDERED = -2.33
"""Standard deviations of the rank ratio: 1 of 100 chance orders of counts is below."""

UNEVEN = 3.0
"""Standard deviations of χ² that counts of an amount are at least away from equal ones."""

YEARS = (1800, 2100)
"""Whole numbers in this range, three of them or more, are years."""

AMOUNTS = frozenset(
    {TaskReason.FRACTIONS, TaskReason.FEW_ROWS_A_VALUE, TaskReason.YEARS}
    | {TaskReason.SMOOTH_COUNTS, TaskReason.MANY_VALUES}
)
"""The reasons for a regression."""


def are_whole(values: np.ndarray) -> bool:
    """Return whether all numbers are whole and exact.

    >>> are_whole(np.array([1.0, 2.0])), are_whole(np.array([0.5]))
    (True, False)
    """
    return bool(np.all((np.abs(values) <= LARGEST_EXACT) & (values == np.round(values))))


def reason_of_numbers(y: np.ndarray) -> TaskReason:
    """Return why these numbers mean classes or amounts.

    Args:
        y: (n,) finite numbers.

    >>> reason_of_numbers(np.repeat(np.arange(26.0), 20)).value
    'balanced_whole_numbers'
    >>> reason_of_numbers(np.repeat(np.arange(1990.0, 2016.0), 20)).value
    'years'
    >>> reason_of_numbers(np.array([250.0, 300.0, 410.0, 520.0, 300.0])).value
    'few_rows_a_value'
    """
    values, counts = np.unique(y, return_counts=True)
    if len(values) <= 2 and are_whole(values):
        return TaskReason.TWO_VALUES
    if not are_whole(values):
        return TaskReason.FRACTIONS
    if values[0] >= YEARS[0] and values[-1] <= YEARS[1]:
        return TaskReason.YEARS
    numbered = values[0] in (0, 1) and values[-1] - values[0] == len(values) - 1
    if np.median(counts) < (2 if numbered or len(values) <= 5 else 5):
        return TaskReason.FEW_ROWS_A_VALUE
    if len(values) >= SMOOTH_FROM and (_rise_and_fall_once(counts) or _follow_the_order(counts)):
        return TaskReason.SMOOTH_COUNTS
    if len(values) <= FEW_VALUES:
        return TaskReason.REPEATED
    return _reason_of_many(values, counts, numbered)


def _reason_of_many(values: np.ndarray, counts: np.ndarray, numbered: bool) -> TaskReason:
    """Return the reason for many whole numbers: classes are numbered, or all as large."""
    alike = counts.max() - counts.min() <= 1 and counts.min() >= 5
    scale = values[-1] == 100  # marks, shares in per cent
    balanced = numbered and not scale and counts.min() >= 5 and counts.max() <= 4 * counts.min()
    if len(values) <= MOST_NUMBERED_CLASSES and (alike or balanced):
        return TaskReason.BALANCED
    return TaskReason.MANY_VALUES


def _rise_and_fall_once(counts: np.ndarray) -> bool:
    """Return whether counts along the values rise, then fall, beyond the noise of counting.

    A step counts when it is beyond two standard deviations of a difference of two Poisson counts,
    2·√(a + b). The counts of numbered classes have no such order.
    """
    counts = counts.astype(np.float64)
    steps = np.diff(counts)
    signs = np.sign(steps[np.abs(steps) > 2 * np.sqrt(counts[1:] + counts[:-1])])
    if len(signs) < max(3, len(steps) / 3):
        return False
    turns = np.count_nonzero(np.diff(signs))
    return turns == 0 or bool(turns == 1 and signs[0] > 0)


def _follow_the_order(counts: np.ndarray) -> bool:
    """Return whether uneven counts are more alike in neighbours than in values far apart.

    The rank version of von Neumann's ratio, Σ (rᵢ₊₁ − rᵢ)² / Σ (rᵢ − r̄)², is about 2 where values
    are but numbers of classes, whose order says nothing of their frequencies. It needs fewer rows
    than single steps that stand out of the noise do.
    Source: R. Bartels, The rank version of von Neumann's ratio test for randomness, JASA 77 (1982).
    """
    n, mean = len(counts), counts.mean()
    chi_squared = np.square(counts - mean).sum() / mean
    if chi_squared < n - 1 + UNEVEN * np.sqrt(2 * (n - 1)):
        return False
    below = np.searchsorted(np.sort(counts), counts)
    ranks = (below + np.searchsorted(np.sort(counts), counts, side="right")) / 2  # ties share one
    ratio = np.square(np.diff(ranks)).sum() / np.square(ranks - ranks.mean()).sum()
    variance = 4 * (n - 2) * (5 * n**2 - 2 * n - 9) / (5 * n * (n + 1) * (n - 1) ** 2)
    return bool(ratio - 2 < ORDERED * np.sqrt(variance))
