"""Which mechanism brought the penalty to a parameter: the evidence of two scales, weighed.

Who uses this: `judge`, which makes findings of the verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from shrinkage.audits.fits import Fit
from shrinkage.audits.measure import Measured


class DecayUse(Enum):
    """What an optimizer was measured to do with its own decay of a parameter."""

    NO_SETTING = "no setting"
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
    reached: bool = True  # whether the loss of the step depends on the parameter
    accumulates: bool = False  # whether what is too small is held back until it is large enough
    decay: DecayUse = DecayUse.NO_SETTING


@dataclass(frozen=True)
class Verdict:
    """What was decided of one case; `fits` are at scales 1 and 2."""

    mechanism: str  # one of MECHANISMS, or absent, both, unclear, nothing expected, not finite
    fits: tuple[Fit, Fit] | None = None
    aligned: bool = True
    certain: bool = True  # whether the change may be compared with the expected one at all
    clipped: bool = False  # whether other parameters say that gradients were scaled down


def decide(case: Case) -> Verdict:
    """Return which mechanism brought the penalty to a selected parameter."""
    once, twice = case.once, case.twice
    if not (once.finite and twice.finite):
        return Verdict("not finite")
    if once.slope is None or twice.slope is None:
        return _by_change(case, certain=False)
    if not once.slope.expects:
        return Verdict("nothing expected")
    displaced = any(one.present for one in once.changes.values())
    if once.slope.present:
        fits = (once.slope, twice.slope)
        both = once.loop is not None and once.loop.present
        if both or (displaced and _by_change(case, certain=True).aligned):
            return Verdict("both", fits)
        return Verdict("gradient", fits, once.slope.fits)
    if displaced:
        return _by_change(case, certain=once.plain)
    hidden = [one for one in (once.slope, *once.changes.values()) if not one.is_zero]
    return Verdict("unclear" if any(not one.visible for one in hidden) else "absent")


def _by_change(case: Case, *, certain: bool) -> Verdict:
    """Decide by where the weights went."""
    once, twice = case.once.changes, case.twice.changes
    names = [name for name in once if name in twice]
    if not names or not any(once[name].expects for name in names):
        return Verdict("nothing expected" if names else "unclear")
    if not any(once[name].present for name in names):
        seen = all(one.visible or one.is_zero for one in once.values())
        return Verdict("absent" if seen else "unclear")
    good = [name for name in names if once[name].fits]
    wanted = [name for name in good if name in case.allowed] or good
    if wanted:
        best = min(wanted, key=lambda name: _distance(once[name]))  # the first of equals
        return Verdict(best, (once[best], twice[best]), True, certain)
    closest = max(names, key=lambda name: once[name].cosine)
    return Verdict(closest, (once[closest], twice[closest]), False, certain)


def _distance(one: Fit) -> float:
    """Return how far a factor is from 1, beyond rounding, in hundredths."""
    return round(max(0.0, abs(one.factor - 1) - one.error - 0.01), 2)
