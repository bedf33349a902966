"""What a wrong factor usually comes from.

Who uses this: `judge`, and audits that name a cause under a rule of its own. The list is of what
users have reported; numbers that the caller knows (rows, micro-batches, processes) are looked for
by name first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

_NEAR = 0.012
_LOSS_SCALE = 256  # no loss scale in use is smaller


class CauseKind(Enum):
    """Kinds of causes; the value is what is said."""

    TIMES_KNOWN = "multiplied by the number of {name} ({number:g})"
    OVER_KNOWN = "divided by the number of {name} ({number:g})"
    RATE_TWICE = "the learning rate multiplied in twice"
    RATE_MISSING = "not multiplied by the learning rate"
    TWICE = "the whole square Σw² where its half is meant, or the penalty added twice"
    HALF = "a half too many (the gradient of ½Σw² is w), or a mean over two"
    MEAN = "a mean over {number:.0f} weights where their sum is meant"
    NORM = "the norm ‖w‖ ({number:.3g}) where half its square is meant"
    NO_ROOT = "the norm of a group without the root of its size: √|g| with |g| = {number:.0f}"
    LOSS_SCALE = "the loss scale of mixed precision, not undone or not applied to the penalty"
    TIMES_COUNT = "added {number:.0f} times: once for every micro-batch, row or process"
    OVER_COUNT = "divided by {number:.0f}: rows, batches, micro-batches or processes"
    UNUSUAL = "none of the usual ones: compare the strength in the loop with the one in the terms"


@dataclass(frozen=True)
class Cause:
    """A likely cause: its kind, and the number that it has, by the caller's name if he gave it."""

    kind: CauseKind
    name: str = ""
    number: float = 1.0

    def __str__(self) -> str:
        return self.kind.value.format(name=self.name, number=self.number)


@dataclass(frozen=True)
class Sizes:
    """Numbers of the weights themselves that a penalty of one's own may be off by.

    Args:
        weights: how many there are, in the array and in all penalised ones.
        norms: ‖w‖ of the same, where the penalty is smooth.
        group: how many lie in a group, 1 where the penalty has no groups.
    """

    weights: tuple[int, ...] = ()
    norms: tuple[float, ...] = ()
    group: int = 1


def likely_cause(
    factor: float,
    rate: float,
    known: Mapping[str, float] | None = None,
    error: float = 0.0,
    sizes: Sizes | None = None,
) -> Cause:
    """Return the likely cause of a factor.

    Args:
        factor: measured over expected.
        rate: the learning rate.
        known: numbers by what they are ("micro-batches": 4), looked for as factor and divisor.
        error: what rounding can have done to the factor.
        sizes: of the weights.

    Returns:
        The cause; its text is the end of a sentence.

    >>> print(likely_cause(2.0, 0.1))
    the whole square Σw² where its half is meant, or the penalty added twice
    >>> likely_cause(0.25, 0.1, {"processes": 4}).kind
    <CauseKind.OVER_KNOWN: 'divided by the number of {name} ({number:g})'>
    """

    def near(value: float) -> bool:
        return abs(factor - value) <= (_NEAR + error) * abs(value)

    for name, value in (known or {}).items():
        if value not in (0, 1):
            if near(value):
                return Cause(CauseKind.TIMES_KNOWN, name, value)
            if near(1 / value):
                return Cause(CauseKind.OVER_KNOWN, name, value)
    if rate > 0 and near(rate):
        return Cause(CauseKind.RATE_TWICE)
    if rate > 0 and near(1 / rate):
        return Cause(CauseKind.RATE_MISSING)
    if near(2):
        return Cause(CauseKind.TWICE)
    if near(0.5):
        return Cause(CauseKind.HALF)
    for cause, value in _by_size(sizes or Sizes()):
        if near(value):
            return cause
    larger = max(abs(factor), 1 / abs(factor)) if factor else math.inf
    if larger >= _LOSS_SCALE and near(2.0 ** round(math.log2(abs(factor)))):
        return Cause(CauseKind.LOSS_SCALE)
    count = round(larger) if math.isfinite(larger) else 0
    if 3 <= count < 1e7 and abs(larger - count) <= (_NEAR + error) * count:
        return Cause(CauseKind.TIMES_COUNT if factor > 1 else CauseKind.OVER_COUNT, "", count)
    return Cause(CauseKind.UNUSUAL)


def _by_size(sizes: Sizes) -> Iterator[tuple[Cause, float]]:
    """Yield causes with the factors that they have."""
    for count in sizes.weights:
        for half in (1, 2):  # of Σ|w| or ½Σw², and of Σw²
            yield Cause(CauseKind.MEAN, "", count), half / count
    if sizes.group > 1:
        yield Cause(CauseKind.NO_ROOT, "", sizes.group), sizes.group**-0.5
    for norm in sizes.norms:
        for half in (1.0, 0.5):  # λ‖w‖ and ½λ‖w‖
            yield Cause(CauseKind.NORM, "", norm), half / norm
