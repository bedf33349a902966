"""How an optimizer's own `weight_decay` arrives: measured, never believed.

Who uses this: `runs`. A bare copy of the optimizer steps with the data's gradient g from the
weights w three times: with decay 0, with a decay λ in its groups, and with decay 0 and λw in the
gradient. Where the second ends where the third does, the decay is coupled; where it ends λ·lr·w
short of the first, it is decoupled; where it ends with the first, it is not used at all. λ is as
large as it takes to be seen above rounding and beside the gradient. A new rule is one function of
a `Replay`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from shrinkage.audits.judging import DecayUse
from shrinkage.audits.measuring.fits import Fit, fit
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.audits.watch import Watch
from shrinkage.pytorch.optimizers import OwnDecay

Array = Any
_USES = {OwnDecay.NONE: DecayUse.IGNORED, OwnDecay.UNKNOWN: DecayUse.OTHER_RULE}
_SAMPLED = 1 << 14  # weights of a parameter that are looked at
_SHRINK = 2.0**-5  # what a decoupled decay takes of a weight in a replayed step, at least
_ROUNDINGS = 32  # … and that many roundings of the weights' dtype


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

    @property
    def joining(self) -> float:
        """How much of λw joins the gradient."""
        return self.factor if self.rule is OwnDecay.COUPLED else 0.0


@dataclass(frozen=True, eq=False)
class Replay:
    """One parameter along the three walks: its weights before each step and after the last."""

    plain: list[Array]
    decayed: list[Array]
    joined: list[Array]
    shrink: float  # learning rate × λ
    rounding: float  # of the weights' dtype

    def fit(self, predicted: Array) -> Fit:
        """Return how a predicted displacement agrees with the measured one."""
        w, plain, decayed = self.plain[0], self.plain[-1], self.decayed[-1]
        size = np.abs(plain) + np.abs(decayed) + 4 * (np.abs(decayed - w) + np.abs(plain - w))
        steps = len(self.plain) - 1
        return fit(decayed - plain, predicted, steps * self.rounding * size)


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
    decays = _amplified(twin, watch, known)
    once = dict.fromkeys(known, 1.0)
    if set(known.values()) == {OwnDecay.DECOUPLED}:
        decided = _all_decided(_replays(twin, watch, decays, {}, steps=1), known, once)
        if all(decay.rule is OwnDecay.DECOUPLED for decay in decided.values()):
            return decided
    first = _replays(twin, watch, decays, once, steps=1)
    decided = _all_decided(first, known, once)
    unknown = [name for name, rule in known.items() if rule not in _RULES]
    both = {name: known[name] for name in unknown if len(_fitting(_fits(first[name]))) > 1}
    if both:
        factors = {name: decay.factor for name, decay in decided.items()}
        second = _replays(twin, watch, decays, factors, steps=2)
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
    rule = known if known in fitting else next(iter(fitting))
    factor, error = tried * fitting[rule].factor, tried * fitting[rule].error
    if rule is OwnDecay.DECOUPLED and abs(factor - 1) > 0.01 + error:
        rule = OwnDecay.DECOUPLED_OTHERWISE
    return MeasuredDecay(rule, factor, error)


def _replays(
    twin: Twin,
    watch: Watch,
    decays: Mapping[str, float],
    factors: Mapping[str, float],
    *,
    steps: int,
) -> dict[str, Replay]:
    """Walk three times, with the factor that each decay is thought to have; without any, twice."""
    names = list(decays)
    plain = _walk(twin, watch, names, steps)
    decayed = _walk(twin, watch, names, steps, in_groups=decays)
    joining = {name: factors.get(name, 1.0) * decays[name] for name in names}
    joined = _walk(twin, watch, names, steps, in_gradient=joining) if factors else plain
    return {
        name: Replay(
            plain[name],
            decayed[name],
            joined[name],
            twin.rate_of(name) * joining[name],
            torch.finfo(twin.parameters[name].dtype).eps,
        )
        for name in names
    }


def _walk(
    twin: Twin,
    watch: Watch,
    names: Iterable[str],
    steps: int,
    *,
    in_groups: Mapping[str, float] | None = None,
    in_gradient: Mapping[str, float] | None = None,
) -> dict[str, list[Array]]:
    """Step the bare optimizer with one gradient; return what the weights were."""
    twin.reset(0.0, bare=True)
    for name, decay in (in_groups or {}).items():
        group = twin.group_of(name)
        assert group is not None
        group["weight_decay"] = decay
    visited = {name: [_sample(twin.parameters[name])] for name in names}
    for _ in range(steps):
        step_bare(twin, watch, in_gradient or {})
        for name, weights in visited.items():
            weights.append(_sample(twin.parameters[name]))
    return visited


def step_bare(twin: Twin, watch: Watch, in_gradient: Mapping[str, float]) -> None:
    """Step the optimizer as it stands with a run's gradients, and λw added to them by name."""
    for name, tensor in twin.parameters.items():
        gradient, decay = watch.used(name), in_gradient.get(name, 0.0)
        group = twin.group_of(name)
        if gradient is not None and group is not None and decay:
            upwards = group.get("maximize", False)
            gradient = gradient.add(tensor.detach(), alpha=-decay if upwards else decay)
        tensor.grad = gradient
    twin.optimizer.step()


def _amplified(twin: Twin, watch: Watch, names: Iterable[str]) -> dict[str, float]:
    """Return a decay for each group that can be seen: beside the weights and the gradient."""
    squares: dict[int, list[float]] = {}
    groups = {name: twin.group_of(name) for name in names}
    for name, group in groups.items():
        gradient, weights = watch.used(name), twin.start[name]
        assert gradient is not None
        sums = squares.setdefault(id(group), [0.0, 0.0, 0.0])
        sums[0] += float(gradient.norm()) ** 2
        sums[1] += float(weights.norm()) ** 2
        sums[2] = max(sums[2], torch.finfo(weights.dtype).eps)
    decays = {}
    for name, group in groups.items():
        along, size, rounding = squares[id(group)]
        beside = (along / size) ** 0.5 if size else 0.0
        rate = twin.rate_of(name)
        shrink = max(_SHRINK, _ROUNDINGS * rounding)
        decays[name] = max(twin.decay_of(name), beside, shrink / rate if rate else 0.0)
    return decays


def _sample(tensor: torch.Tensor) -> Array:
    """Return some weights, evenly spread, in float64."""
    stride = -(-tensor.numel() // _SAMPLED)
    return tensor.detach().reshape(-1)[::stride].to("cpu", torch.float64, copy=True).numpy()
