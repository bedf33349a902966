"""Which mechanism brought the penalty to a parameter: the evidence of two scales, weighed.

Who uses this: `judge`, which makes findings of the verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from shrinkage.audits.judging.causes import Sizes
from shrinkage.audits.measuring.fits import Fit
from shrinkage.audits.measuring.measure import Measured


class DecayUse(Enum):
    """What an optimizer was measured to do with its own decay of a parameter."""

    NO_SETTING = "there is none"
    KNOWN_RULE = "in the gradient or beside it"
    IGNORED = "nothing"
    OTHER_RULE = "something else, or nothing that could be seen"


@dataclass(frozen=True)
class Case:
    """A parameter, what is expected of it, and what was measured at scales 1 and 2."""

    name: str
    shape: tuple[int, ...]
    words: str  # the terms on it; empty: unselected
    allowed: tuple[str, ...]
    rate: float
    once: Measured
    twice: Measured
    known: Mapping[str, float] = field(default_factory=dict)
    sizes: Callable[[], Sizes] = Sizes  # asked where a factor is wrong
    reached: bool = True  # whether the loss of the step depends on the parameter
    accumulates: bool = False  # whether what is too small is held back until it is large enough
    decay: DecayUse = DecayUse.NO_SETTING


class Outcome(Enum):
    """What became of the penalty on a parameter."""

    ARRIVED = "arrived"
    BOTH = "both"  # in the gradient and beside it
    ABSENT = "absent"
    UNCLEAR = "unclear"
    NOTHING_EXPECTED = "nothing expected"
    NOT_FINITE = "not finite"


@dataclass(frozen=True)
class Verdict:
    """What was decided of one case; `fits` are at scales 1 and 2."""

    outcome: Outcome
    mechanism: str = ""  # one of MECHANISMS, where the penalty arrived
    fits: tuple[Fit, Fit] | None = None
    aligned: bool = True
    certain: bool = True  # whether the change may be compared with the expected one at all
    clipped: bool = False  # whether other parameters say that gradients were scaled down


def decide(case: Case) -> Verdict:
    """Return which mechanism brought the penalty to a selected parameter."""
    once, twice = case.once, case.twice
    if not (once.finite and twice.finite):
        return Verdict(Outcome.NOT_FINITE)
    if once.gradient is None or twice.gradient is None:
        return _by_change(case, certain=False)
    if not once.gradient.expects:
        return Verdict(Outcome.NOTHING_EXPECTED)
    displaced = any(change.present for change in once.changes.values())
    if once.gradient.present:
        fits = (once.gradient, twice.gradient)
        both = once.loop is not None and once.loop.present
        if both or (displaced and _by_change(case, certain=True).aligned):
            return Verdict(Outcome.BOTH, "both", fits)
        return Verdict(Outcome.ARRIVED, "gradient", fits, once.gradient.fits)
    if displaced:
        return _by_change(case, certain=once.plain)
    changed = [fit for fit in (once.gradient, *once.changes.values()) if not fit.is_zero]
    hidden = any(not fit.visible for fit in changed)
    return Verdict(Outcome.UNCLEAR if hidden else Outcome.ABSENT)


def _by_change(case: Case, *, certain: bool) -> Verdict:
    """Decide by where the weights went."""
    once, twice = case.once.changes, case.twice.changes
    names = [name for name in once if name in twice]
    if not names:
        return Verdict(Outcome.UNCLEAR)
    if not any(once[name].expects for name in names):
        return Verdict(Outcome.NOTHING_EXPECTED)
    if not any(once[name].present for name in names):
        seen = all(fit.visible or fit.is_zero for fit in once.values())
        return Verdict(Outcome.ABSENT if seen else Outcome.UNCLEAR)
    good = [name for name in names if once[name].fits]
    allowed = [name for name in good if name in case.allowed] or good
    if allowed:
        best = min(allowed, key=lambda name: _distance(once[name]))  # the first of equals
        return Verdict(Outcome.ARRIVED, best, (once[best], twice[best]), True, certain)
    closest = max(names, key=lambda name: once[name].cosine)
    fits = (once[closest], twice[closest])
    return Verdict(Outcome.ARRIVED, closest, fits, False, certain)


def _distance(fit: Fit) -> float:
    """Return how far a factor is from 1, beyond rounding, in hundredths."""
    return round(max(0.0, abs(fit.factor - 1) - fit.error - 0.01), 2)
