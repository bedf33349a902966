"""Which mechanism brought the penalty to a parameter: the evidence of two scales, weighed.

Who uses this: `judge`, which makes findings of the verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from shrinkage.audits.decays import MeasuredDecay, OwnDecay
from shrinkage.audits.judging.causes import Sizes
from shrinkage.audits.measuring.fits import Fit
from shrinkage.audits.measuring.measure import Measured

_SLIGHT = 1e-3  # of the strength: what is less makes no second penalty


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
    other_rates: tuple[float, ...] = ()  # of parameters to which what arrives is what is meant
    reached: bool = True  # whether the loss of the step depends on the parameter
    accumulates: bool = False  # whether attached terms hold back what is too small
    held_back: bool = False  # whether they did so in these steps
    overwritten: bool = False  # whether a loop undoes its step, at any strength
    own: MeasuredDecay | None = None  # what the optimizer does with its own decay, if it has one
    asked: bool = False  # whether the terms were asked for, not read off the optimizer
    is_set: bool = False  # whether the terms are constraints, which push no gradient
    set_length: str = ""  # of what the loop sets the length after its step, as "all rows"
    role: str = ""  # of the parameter, as selections know it

    @property
    def decays_otherwise(self) -> bool:
        """Whether the optimizer's own decay acts by a rule that no update has."""
        return self.own is not None and self.own.rule.acts_otherwise

    @property
    def own_rule(self) -> OwnDecay | None:
        """The rule of the optimizer's own decay; None where it has no setting."""
        return None if self.own is None else self.own.rule


class Outcome(Enum):
    """What became of the penalty on a parameter."""

    ARRIVED = "arrived"
    BOTH = "both"  # in the gradient and beside it
    ABSENT = "absent"
    UNCLEAR = "unclear"
    OTHERWISE = "by a rule of the optimizer's own"
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
    if case.overwritten:
        return Verdict(Outcome.ABSENT)
    if once.gradient is None or twice.gradient is None:
        return _by_change(case, certain=False)
    if case.is_set and not once.gradient.present and once.changes:
        return _by_change(case, certain=once.plain)
    if not once.gradient.expects:
        return Verdict(Outcome.NOTHING_EXPECTED)
    if case.decays_otherwise and not once.gradient.present:
        return Verdict(Outcome.OTHERWISE)
    if case.own_rule is OwnDecay.UNKNOWN and not case.asked and not once.gradient.present:
        return Verdict(Outcome.UNCLEAR)  # it may act otherwise, or first, in another step
    if case.set_length:
        return _of_set_length(once, twice)
    displaced = any(change.present for change in once.changes.values())
    if once.gradient.present:
        fits = (once.gradient, twice.gradient)
        both = once.loop is not None and once.loop.present
        beside = _by_change(case, certain=True) if displaced else None
        if both or (beside is not None and _adds(beside)):
            return Verdict(Outcome.BOTH, "both", fits)
        return Verdict(Outcome.ARRIVED, "gradient", fits, once.gradient.fits)
    if displaced:
        return _by_change(case, certain=once.plain)
    changed = [fit for fit in (once.gradient, *once.changes.values()) if not fit.is_zero]
    hidden = any(not fit.visible for fit in changed) or (bool(changed) and not once.plain)
    return Verdict(Outcome.UNCLEAR if hidden else Outcome.ABSENT)


def _adds(beside: Verdict) -> bool:
    """Return whether what lies beside a penalty in the gradient is one, and no rounding.

    An optimizer that inverts matrices makes much of a gradient's last bit.
    """
    arrived = beside.outcome is Outcome.ARRIVED and beside.aligned
    return arrived and beside.fits is not None and abs(beside.fits[0].factor) > _SLIGHT


def _of_set_length(once: Measured, twice: Measured) -> Verdict:
    """Decide by gradients alone: where the weights went, the loop has brought them."""
    fits = once.gradient, twice.gradient
    if fits[0] is None or fits[1] is None or not fits[0].present:
        return Verdict(Outcome.UNCLEAR if once.moved else Outcome.ABSENT)
    if once.loop is not None and once.loop.present:
        return Verdict(Outcome.BOTH, "both", (fits[0], fits[1]))
    return Verdict(Outcome.ARRIVED, "gradient", (fits[0], fits[1]), fits[0].fits)


def _by_change(case: Case, *, certain: bool) -> Verdict:
    """Decide by where the weights went."""
    once, twice = case.once.changes, case.twice.changes
    names = [name for name in once if name in twice]
    if not names:
        return Verdict(Outcome.UNCLEAR)
    if not any(once[name].expects for name in names):
        return Verdict(Outcome.NOTHING_EXPECTED)
    if not any(once[name].present for name in names):
        seen = all(fit.is_zero or (fit.visible and certain) for fit in once.values())
        return Verdict(Outcome.ABSENT if seen else Outcome.UNCLEAR)
    good = [name for name in names if once[name].fits]
    if case.own_rule is OwnDecay.DECOUPLED and not case.asked and "decoupled" in case.allowed:
        # the optimizer may decay behind its step, which a prox does too
        best = "decoupled" if "decoupled" in good else next(iter(good), "decoupled")
        return Verdict(Outcome.ARRIVED, "decoupled", (once[best], twice[best]), True, certain)
    allowed = [name for name in good if name in case.allowed] or good
    if allowed:
        off = {name: _distance(once[name]) + _distance(twice[name]) for name in allowed}
        best = min(allowed, key=lambda name: off[name])  # the first of equals
        return Verdict(Outcome.ARRIVED, best, (once[best], twice[best]), True, certain)
    closest = max(names, key=lambda name: once[name].cosine)
    fits = (once[closest], twice[closest])
    return Verdict(Outcome.ARRIVED, closest, fits, False, certain)


def _distance(fit: Fit) -> float:
    """Return how far a factor is from 1, beyond rounding, in hundredths."""
    return round(max(0.0, abs(fit.factor - 1) - fit.error - 0.01), 2)
