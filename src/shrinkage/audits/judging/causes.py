"""What a wrong factor usually comes from.

Who uses this: `judge`, and audits that name a cause under a rule of its own. The list is of what
users have reported; numbers that the caller knows (rows, micro-batches, processes) are looked for
by name first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
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
    OTHER_RATE = (
        "multiplied by the learning rate of another group ({number:g}) in place of its own ({name})"
    )
    TWICE = "the whole square Σw² where its half is meant, or the penalty added twice"
    HALF = "a half too many (the gradient of ½Σw² is w), or a mean over two"
    MEAN = "a mean over {number:.0f} weights where their sum is meant"
    NORM = "the norm ‖w‖ ({number:.3g}) where half its square is meant"
    NO_ROOT = "the norm of a group without the root of its size: √|g| with |g| = {number:.0f}"
    LOSS_SCALE = "the loss scale of mixed precision, not undone or not applied to the penalty"
    TIMES_COUNT = "added {number:.0f} times: once for every micro-batch, row or process"
    OVER_COUNT = "divided by {number:.0f}: rows, batches, micro-batches or processes"
    UNUSUAL = "none of the usual ones: compare the strength in the loop with the one in the terms"


_REMEDIES = {
    CauseKind.RATE_TWICE: "leave the learning rate out of the penalty: the step multiplies by it",
    CauseKind.RATE_MISSING: "multiply the penalty by the learning rate that the step has",
    CauseKind.OTHER_RATE: "multiply by the learning rate of the group that holds the parameter",
    CauseKind.NORM: "square it: ½‖w‖²",
    CauseKind.NO_ROOT: "multiply the norm of every group by √|g|",
    CauseKind.MEAN: "take the sum (for L2 that of ½w²) in place of the mean",
    CauseKind.LOSS_SCALE: "add the penalty to the loss before that is scaled",
}


@dataclass(frozen=True)
class Cause:
    """A likely cause: its kind, and the number that it has, by the caller's name if he gave it."""

    kind: CauseKind
    name: str = ""
    number: float = 1.0

    def __str__(self) -> str:
        return self.kind.value.format(name=self.name, number=self.number)

    @property
    def remedy(self) -> str:
        """What mends it where another strength does not, or not for long; empty where one does."""
        return _REMEDIES.get(self.kind, "")


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
    other_rates: Iterable[float] = (),
) -> Cause:
    """Return the likely cause of a factor.

    Args:
        factor: measured over expected.
        rate: the learning rate.
        known: numbers by what they are ("micro-batches": 4), looked for as factor and divisor.
        error: what rounding can have done to the factor.
        sizes: of the weights.
        other_rates: learning rates that other parameters have, where the loop multiplies by one.

    Returns:
        The cause; its text is the end of a sentence.

    >>> print(likely_cause(2.0, 0.1))
    the whole square Σw² where its half is meant, or the penalty added twice
    >>> likely_cause(0.25, 0.1, {"processes": 4}).kind
    <CauseKind.OVER_KNOWN: 'divided by the number of {name} ({number:g})'>
    """

    candidates = (
        *_by_known(known or {}),
        *_by_rate(rate, other_rates),
        (Cause(CauseKind.TWICE), 2.0),
        (Cause(CauseKind.HALF), 0.5),
        *_by_size(sizes or Sizes()),
        *_by_loss_scale(factor),
        *_by_count(factor),
    )

    def off(value: float) -> float:
        return max(0.0, abs(factor - value) / abs(value) - error)

    near = [(cause, value) for cause, value in candidates if off(value) <= _NEAR]
    # the first of equally near ones: where whole numbers lie dense, one is always near
    closest = min(near, key=lambda c: (_is_dense(c[0]), round(off(c[1]), 3)), default=None)
    return Cause(CauseKind.UNUSUAL) if closest is None else closest[0]


def _is_dense(cause: Cause) -> bool:
    counted = cause.kind in (CauseKind.TIMES_COUNT, CauseKind.OVER_COUNT)
    return counted and cause.number * _NEAR > 1


def _by_known(known: Mapping[str, float]) -> Iterator[tuple[Cause, float]]:
    """Yield numbers of the caller's as factor and divisor."""
    for name, value in known.items():
        if value not in (0, 1):
            yield Cause(CauseKind.TIMES_KNOWN, name, value), value
            yield Cause(CauseKind.OVER_KNOWN, name, value), 1 / value


def _by_rate(rate: float, others: Iterable[float]) -> Iterator[tuple[Cause, float]]:
    if rate > 0:
        for other in others:
            yield Cause(CauseKind.OTHER_RATE, f"{rate:g}", other), other / rate
        yield Cause(CauseKind.RATE_TWICE), rate
        yield Cause(CauseKind.RATE_MISSING), 1 / rate


def _by_loss_scale(factor: float) -> Iterator[tuple[Cause, float]]:
    """Yield the power of two that is nearest, where it may be a loss scale."""
    size = abs(factor)
    if size and max(size, 1 / size) >= _LOSS_SCALE:
        yield Cause(CauseKind.LOSS_SCALE), 2.0 ** round(math.log2(size))


def _by_count(factor: float) -> Iterator[tuple[Cause, float]]:
    """Yield the whole number that is nearest, as factor or as divisor."""
    larger = max(abs(factor), 1 / abs(factor)) if factor else math.inf
    count = round(larger) if math.isfinite(larger) else 0
    if 3 <= count < 1e7:
        times = factor > 1
        kind = CauseKind.TIMES_COUNT if times else CauseKind.OVER_COUNT
        yield Cause(kind, "", count), count if times else 1 / count


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
