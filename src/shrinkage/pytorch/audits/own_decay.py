"""How an optimizer's own `weight_decay` arrives: measured, never believed.

Who uses this: `runs`. A bare copy of the optimizer steps with the data's gradient g from the
weights w three times: with decay 0, with a decay λ in its groups, and with decay 0 and λw in the
gradient. Where the second ends where the third does, the decay is coupled; where it ends λ·lr·w
short of the first, it is decoupled; where it ends with the first, it is not used at all. λ is as
large as it takes to be seen above rounding and beside the gradient. A new rule is one function of
a `Replay`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.audits.judging import DecayUse
from shrinkage.audits.measuring.fits import Fit
from shrinkage.pytorch.audits.replays import Replay, amplified, replays_of
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.audits.watch import Watch
from shrinkage.pytorch.optimizers import OwnDecay

Array = Any
_USES = {OwnDecay.NONE: DecayUse.IGNORED, OwnDecay.UNKNOWN: DecayUse.OTHER_RULE}


@dataclass(frozen=True)
class MeasuredDecay:
    """A rule and its factor: 1 where the setting is worth what it says."""

    rule: OwnDecay = OwnDecay.UNKNOWN
    factor: float = 1.0
    error: float = 0.0

    @property
    def use(self) -> DecayUse:
        """What `judge` makes of it."""
        return _USES.get(self.rule, DecayUse.KNOWN_RULE)


def coupled(replay: Replay) -> Array:
    """Return where a decay in the gradient brings the weights."""
    return replay.joined[-1] - replay.plain[-1]


def decoupled(replay: Replay) -> Array:
    """Return where a decay beside the gradient brings the weights."""
    return -replay.shrink * np.sum(replay.decayed[:-1], axis=0)


_RULES: dict[OwnDecay, Callable[[Replay], Array]] = {
    OwnDecay.COUPLED: coupled,
    OwnDecay.DECOUPLED: decoupled,
}


def own_decays(twin: Twin, watch: Watch) -> dict[str, MeasuredDecay]:
    """Return how the optimizer's decay reaches each parameter whose group has one.

    What is known of the optimizer decides only where one step fits two rules, as the first of
    SGD's does, or where a step cannot be replayed; of an unknown one two steps are compared.

    Args:
        twin: the copy; it stands elsewhere afterwards.
        watch: of the run whose gradients are stepped with.

    Returns:
        What was measured, by name; parameters without a gradient are left out.
    """
    known = {
        name: twin.known_decay_of(name)
        for name, tensor in twin.parameters.items()
        if twin.decay_of(name) > 0 and watch.used(name) is not None and tensor.numel()
    }
    if not known or not watch.replayable:
        return {name: MeasuredDecay(rule) for name, rule in known.items()}
    decays = amplified(twin, watch, known)
    once = dict.fromkeys(known, 1.0)
    if set(known.values()) == {OwnDecay.DECOUPLED}:
        decided = _all_decided(replays_of(twin, watch, decays, {}, steps=1), known, once)
        if all(decay.rule is OwnDecay.DECOUPLED for decay in decided.values()):
            return decided
    first = replays_of(twin, watch, decays, once, steps=1)
    decided = _all_decided(first, known, once)
    unknown = [name for name, rule in known.items() if rule not in _RULES]
    both = {name: known[name] for name in unknown if len(_fitting(_fits(first[name]))) > 1}
    if both:
        factors = {name: decay.factor for name, decay in decided.items()}
        second = replays_of(twin, watch, decays, factors, steps=2)
        decided |= _all_decided(second, both, factors)
    return decided


def _all_decided(
    replays: Mapping[str, Replay], known: Mapping[str, OwnDecay], factors: Mapping[str, float]
) -> dict[str, MeasuredDecay]:
    return {
        name: _decided(_fits(replays[name]), rule, factors[name]) for name, rule in known.items()
    }


def _fits(replay: Replay) -> dict[OwnDecay, Fit]:
    return {rule: replay.fit(predicted(replay)) for rule, predicted in _RULES.items()}


def _fitting(fits: Mapping[OwnDecay, Fit]) -> dict[OwnDecay, Fit]:
    """Return the rules that explain what was seen, those with a factor of 1 if there are any."""
    along = {rule: fit for rule, fit in fits.items() if fit.present and fit.fits}
    return {rule: fit for rule, fit in along.items() if fit.is_one()} or along


def _decided(fits: Mapping[OwnDecay, Fit], known: OwnDecay, tried: float) -> MeasuredDecay:
    """Return the rule that fits; `tried` is the factor that the predictions have already."""
    fitting = _fitting(fits)
    if not fitting:
        nothing = all(fit.visible and not fit.present for fit in fits.values())
        return MeasuredDecay(OwnDecay.NONE, 0.0) if nothing else MeasuredDecay()
    closest = min(fitting, key=lambda rule: fitting[rule].misfit)  # the first of equals
    rule = known if known in fitting else closest
    factor, error = tried * fitting[rule].factor, tried * fitting[rule].error
    if rule is OwnDecay.DECOUPLED and abs(factor - 1) > 0.01 + error:
        rule = OwnDecay.DECOUPLED_OTHERWISE
    return MeasuredDecay(rule, factor, error)
