"""How an optimizer's own `weight_decay` arrives at each parameter: measured, never believed.

Who uses this: the audits. A bare copy of the optimizer steps with the data's gradient g from the
weights w: with decay 0, with a decay λ in its groups, and with decay 0 and λw in the gradient.
Where the second ends where the third does, the decay is coupled; where each step ends lr·λ·w short
of the first, it is decoupled; where nothing differs by a bit, however large λ is, it is not used.
Of an optimizer that is not known several steps are compared, and a walk at half the learning rate
tells what the decay is proportional to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shrinkage.audits.decays.decide import acting_steps, explanations
from shrinkage.audits.decays.rule import MeasuredDecay, OwnDecay
from shrinkage.audits.decays.walks import Walked, Walker

_STEPS = 8
_LOUDER = 2.0**12  # by what a decay is multiplied that did nothing
_LOUDEST = 2.0**24
_NARROW = 2.0**-12  # a machine epsilon above this one: numbers of a louder decay overflow
_SLACK = 0.02


def measure_decays(
    walker: Walker, decays: Mapping[str, float], known: Mapping[str, OwnDecay]
) -> dict[str, MeasuredDecay]:
    """Return the rule and the factor of each parameter's own decay.

    Args:
        walker: steps the optimizer.
        decays: λ by parameter, large enough to be seen beside weights and gradients.
        known: what is believed of the optimizer; where one step bears it out, no more are taken.

    Returns:
        What was measured, by name.
    """
    measured: dict[str, MeasuredDecay] = {}
    believed = {name: rule for name, rule in known.items() if rule.has_update}
    if believed:
        joins = any(rule is not OwnDecay.DECOUPLED for rule in believed.values())
        walks = _walked(walker, {name: decays[name] for name in believed}, 1, joins=joins)
        measured = _borne_out(walks, believed)
    rest = {name: decays[name] for name in decays if name not in measured}
    return measured | (_of_unknown(walker, rest, known) if rest else {})


def _of_unknown(
    walker: Walker, decays: Mapping[str, float], known: Mapping[str, OwnDecay]
) -> dict[str, MeasuredDecay]:
    """Measure over several steps, louder where nothing was heard."""
    walks = _walked(walker, decays, _STEPS)
    unclear = {
        name: decays[name] for name, walked in walks.items() if len(explanations(walked)) > 1
    }
    if unclear:  # along these gradients two rules are one: others may part them
        walks |= _walked(walker, unclear, _STEPS, noisy=True)
    measured = {name: _chosen(walked, known.get(name)) for name, walked in walks.items()}
    for loudness in (_LOUDER, _LOUDEST):
        silent = [name for name, walked in walks.items() if not acting_steps(walked)]
        louder = {
            name: loudness * decays[name] for name in silent if walker.rounding_of(name) < _NARROW
        }
        if louder:
            again = _walked(walker, louder, _STEPS)
            walks |= again
            measured |= {name: _chosen(walked, None) for name, walked in again.items()}
    unused = [name for name, walked in walks.items() if walked.is_plain]
    measured |= dict.fromkeys(unused, MeasuredDecay(OwnDecay.NONE, 0.0, steps=_STEPS))
    measured |= _by_rate(walker, decays, measured)
    return measured | _coupled_anew(walker, decays, measured)


def _walked(
    walker: Walker,
    decays: Mapping[str, float],
    steps: int,
    *,
    joins: bool = True,
    factors: Mapping[str, float] | None = None,
    rate: float = 1.0,
    noisy: bool = False,
) -> dict[str, Walked]:
    """Walk with λ in the groups and, times a factor, in the gradient."""
    plain = walker.walk(steps, rate=rate, noisy=noisy)
    decayed = walker.walk(steps, in_groups=decays, rate=rate, noisy=noisy)
    joined = None
    if joins:
        joining = {name: decays[name] * (factors or {}).get(name, 1.0) for name in decays}
        joined = walker.walk(steps, in_gradient=joining, rate=rate, noisy=noisy)
    return {
        name: Walked(
            plain[name],
            decayed[name],
            None if joined is None else joined[name],
            rate * walker.rate_of(name) * decays[name],
            walker.rounding_of(name),
        )
        for name in decays
    }


def _borne_out(
    walks: Mapping[str, Walked], believed: Mapping[str, OwnDecay]
) -> dict[str, MeasuredDecay]:
    """Return what one step says where it says what was believed, with a factor of 1."""
    measured = {}
    for name, walked in walks.items():
        said = _chosen(walked, believed[name])
        if said.rule is believed[name] and abs(said.factor - 1) <= _SLACK + said.error:
            measured[name] = said
    return measured


def _chosen(walked: Walked, known: OwnDecay | None) -> MeasuredDecay:
    """Return the explanation that is known, else the first."""
    said = explanations(walked)
    return next((one for one in said if one.rule is known), said[0] if said else MeasuredDecay())


def _coupled_anew(
    walker: Walker, decays: Mapping[str, float], measured: Mapping[str, MeasuredDecay]
) -> dict[str, MeasuredDecay]:
    """Walk again where the first step was coupled with another factor than 1: join that much."""
    unknown = {name: decays[name] for name, said in measured.items() if said.rule in _UNSETTLED}
    factors = {}
    for name, walked in (_walked(walker, unknown, 1) if unknown else {}).items():
        said = _chosen(walked, OwnDecay.COUPLED)
        if said.rule is OwnDecay.COUPLED and said.factor > 0:
            factors[name] = said.factor
    if not factors:
        return {}
    again = _walked(walker, {name: decays[name] for name in factors}, _STEPS, factors=factors)
    chosen = {name: _chosen(walked, OwnDecay.COUPLED) for name, walked in again.items()}
    return {
        name: replace(said, factor=said.factor * factors[name])
        for name, said in chosen.items()
        if said.rule is OwnDecay.COUPLED
    }


def _by_rate(
    walker: Walker, decays: Mapping[str, float], measured: Mapping[str, MeasuredDecay]
) -> dict[str, MeasuredDecay]:
    """Tell from a walk at half the rate what a decay beside the gradient is proportional to."""
    steady = {
        name: said
        for name, said in measured.items()
        if said.rule in (OwnDecay.DECOUPLED, OwnDecay.SCALED)
    }
    if not steady:
        return {}
    halved = _walked(walker, {name: decays[name] for name in steady}, 1, joins=False, rate=0.5)
    return {
        name: replace(said, rule=_proportional(said, _chosen(halved[name], None)))
        for name, said in steady.items()
    }


_UNSETTLED = (OwnDecay.UNKNOWN, OwnDecay.SCALED, OwnDecay.RESCALED)
_POWERS = {OwnDecay.INDEPENDENT: 2.0, OwnDecay.CORRECTED: 0.5}


def _proportional(full: MeasuredDecay, half: MeasuredDecay) -> OwnDecay:
    """Return the rule by how the factor of lr·λ·w changes when the rate is halved."""
    if half.rule not in (OwnDecay.DECOUPLED, OwnDecay.SCALED) or not full.factor:
        return full.rule
    ratio = half.factor / full.factor
    slack = _SLACK + half.error / abs(half.factor or 1.0) + full.error / abs(full.factor)
    for rule, power in _POWERS.items():
        if abs(ratio / power - 1) <= slack:
            return rule
    return full.rule
