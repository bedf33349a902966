"""Strengths that vary in training: factors of a strength by step.

Who uses this: `regularize(schedule=…)` of PyTorch and Keras, and people in optax. A schedule is any
callable from the number of real steps taken so far (0 at the first) to a factor of at least 0; two
common ones are here. It multiplies the strength, not the learning rate: the shrink of a step is
learning rate × strength anyway. Where steps are compiled, as in Keras and JAX, the number of steps
is a floating array of the framework, and the factor is one too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shrinkage.arrays import floating_library
from shrinkage.checks import is_number, number, whole
from shrinkage.errors import InputError

Schedule = Callable[[Any], Any]


@dataclass(frozen=True)
class WarmUp:
    """A factor that rises in a straight line from 0 and then stays 1: min(1, step / steps).

    Args:
        steps: after how many real steps the strength is whole.

    >>> [WarmUp(4)(step) for step in (0, 1, 4, 9)]
    [0.0, 0.25, 1.0, 1.0]
    """

    steps: int

    def __post_init__(self) -> None:
        whole(self.steps, "steps")

    def __call__(self, step: Any) -> Any:
        """Return the factor at a step."""
        return _up_to_one(step / self.steps)


@dataclass(frozen=True)
class Cosine:
    """A factor that goes from `start` to `end` on half a cosine, and stays there.

    Formula: end + (start − end)·½(1 + cos(π·step/steps)).

    Args:
        steps: length of the way in real steps.
        start: factor at the first step.
        end: factor from `steps` on.

    >>> [round(Cosine(4)(step), 3) for step in (0, 2, 4, 9)]
    [1.0, 0.5, 0.0, 0.0]

    Source: Loshchilov and Hutter, SGDR, ICLR 2017, there for the learning rate.
    """

    steps: int
    start: float = 1.0
    end: float = 0.0

    def __post_init__(self) -> None:
        whole(self.steps, "steps")

    def __call__(self, step: Any) -> Any:
        """Return the factor at a step."""
        angle = math.pi * _up_to_one(step / self.steps)
        cosine = math.cos(angle) if is_number(angle) else floating_library(angle).cos(angle)
        return self.end + (self.start - self.end) * 0.5 * (1 + cosine)


@dataclass(frozen=True)
class Every:
    """A factor of `steps` in every `steps`-th step and 0 between, for penalties whose prox is dear.

    The pull of all steps together is that of a factor of 1; a strength of 0 costs nothing.

    Args:
        steps: from one step that shrinks to the next.

    >>> [Every(3)(step) for step in range(4)]
    [0.0, 0.0, 3.0, 0.0]
    """

    steps: int

    def __post_init__(self) -> None:
        whole(self.steps, "steps", 1)

    def __call__(self, step: Any) -> Any:
        """Return the factor at a step."""
        due = (step + 1) % self.steps == 0
        return float(self.steps * due) if is_number(step) else self.steps * due


@dataclass(frozen=True)
class CubicSparsity:
    """A factor with which a constraint on how many weights stay goes from all of them to its end.

    The share that stays is kept + (1 − kept)·(1 − step/steps)³, for a strength times `fraction` at
    which `kept` of them stay in the end: `1.0 * GlobalCardinality(fraction=0.1)` and kept=0.1.

    Args:
        steps: length of the way in real steps.
        kept: the share that stays from there on.

    >>> [round(CubicSparsity(2, 0.1)(step), 3) for step in (0, 1, 2, 9)]
    [0.1, 0.471, 1.0, 1.0]

    Source: Zhu and Gupta, To prune, or not to prune, arXiv 1710.01878 (2017).
    """

    steps: int
    kept: float

    def __post_init__(self) -> None:
        whole(self.steps, "steps")
        number(self.kept, "kept", above=0, most=1, hint="0.1 keeps a tenth")

    def __call__(self, step: Any) -> Any:
        """Return the factor at a step."""
        rest = 1 - _up_to_one(step / self.steps)
        return self.kept / (self.kept + (1 - self.kept) * rest * rest * rest)


def _up_to_one(way: Any) -> Any:
    return min(1.0, way) if is_number(way) else floating_library(way).clip(way, 0.0, 1.0)


def as_schedules(
    schedule: Schedule | Sequence[Schedule | None] | None, terms: int
) -> tuple[Schedule | None, ...]:
    """Return one schedule, or None, for each term.

    Args:
        schedule: one for all terms, or one (or None) a term in their order.
        terms: how many terms there are.

    Raises:
        InputError: no callable, or another number of them.

    >>> as_schedules(None, 2)
    (None, None)
    """
    if schedule is None or callable(schedule):
        return (schedule,) * terms
    each = tuple(schedule) if isinstance(schedule, Iterable) else (schedule,)
    if len(each) != terms or not all(own is None or callable(own) for own in each):
        raise InputError(
            f"expected a schedule that is callable, or one (or None) for each of {terms} terms, "
            f"got {schedule!r}: give for example WarmUp(1000)"
        )
    return each


def scheduled(strength: Any, schedule: Schedule | None, step: Any, term: str) -> Any:
    """Return strength × factor at a step; a factor that is an array is not looked at.

    Raises:
        InputError: the factor is no finite number of at least 0; the message names the term.

    >>> scheduled(0.5, WarmUp(4), 1, "0.5 * L1()")
    0.125
    """
    if schedule is None:
        return strength
    factor = schedule(step)
    if not is_number(step):
        return strength * factor
    name = f"the factor of the schedule at step {step} for {term}"
    with suppress(TypeError, ValueError):  # what it is, is told
        factor = float(factor)
    return strength * number(factor, name)
