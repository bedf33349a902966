"""What a run on the copy did to every parameter.

Who uses this: `audit`. Where the optimizer hides what lies beside the gradient, a bare copy of it
is stepped with the same gradients, and the weights are compared with where that brings them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch

from shrinkage.audits.intended import Intended, divided
from shrinkage.audits.measuring import ENOUGH, FEW, Fit, Measured, Pair, measure
from shrinkage.pytorch.audits.along import along_the_way
from shrinkage.pytorch.audits.bounds import between_bounds, fits_nothing
from shrinkage.pytorch.audits.glance import BLOCK, are_equal
from shrinkage.pytorch.audits.replays import step_bare
from shrinkage.pytorch.audits.runs import Runs
from shrinkage.pytorch.audits.thinned import told_metric
from shrinkage.pytorch.audits.watch import Watch
from shrinkage.pytorch.optimizers import Moment
from shrinkage.pytorch.optimizers.motion import Motion
from shrinkage.pytorch.updates import Proximal
from shrinkage.terms.reach import FARTHEST

_ROUNDED = 1e-3  # of a step: more is something else that the loop does
_SHARED = 1e-4
Look = Callable[[Mapping[str, Measured], Watch], None]


def measure_run(
    runs: Runs,
    scale: float,
    intended: Mapping[str, Intended],
    look: Look | None = None,
    *,
    decays: bool = True,
    attached: bool = True,
) -> tuple[dict[str, Measured], Watch]:
    """Run at a scale and measure every parameter; `look` is called while the run stands.

    Without `decays` the optimizer's own one is left out, without `attached` the attached terms.
    At a second scale the factors alone are asked for, which few weights tell as well as many.
    """
    enough = ENOUGH if scale == 1 else FEW
    watch = runs.run(scale, decays=decays, attached=attached)
    intended = divided(intended, scale, lambda name, meant: _moved(runs, watch, name, meant))
    measured = {
        name: measure(
            _pair(runs, name, watch),
            meant.expectation,
            runs.rate(name, watch),
            scale,
            allowed=meant.allowed,
            enough=enough,
        )
        for name, meant in intended.items()
    }
    for name in [name for name, seen in measured.items() if fits_nothing(seen)]:
        meant, rate = intended[name], runs.rate(name, watch)
        pair = between_bounds(_pair(runs, name, watch), meant)
        if pair is not None:
            seen = measure(
                pair, meant.expectation, rate, scale, allowed=meant.allowed, enough=enough
            )
            measured[name] = measured[name] if fits_nothing(seen) else seen
    for name, seen in measured.items():
        if (
            runs.zero.gradients.reshapes(name)
            and watch.gradients.reshapes(name)
            and not _is_in_gradient(seen)
        ):
            made = _as_made(runs, watch, name)
            meant, rate = intended[name], runs.rate(name, watch)
            again = measure(made, meant.expectation, rate, scale, allowed=meant.allowed)
            measured[name] = again if _is_in_gradient(again) else seen
    for name, stepped in runs.stepped_with.items():
        seen, meant = measured[name], intended[name]
        if meant.expectation.parts and not any(fit.fits for fit in seen.changes.values()):
            pair = replace(_pair(runs, name, watch), zero=runs.stepped[name], after=stepped)
            again = measure(
                pair, meant.expectation, runs.rate(name, watch), scale, allowed=meant.allowed
            )
            measured[name] = again if _arrives_once(again, meant) else seen
    early = _early(runs, scale, watch, intended)
    if early and _moves_first(measured, early):
        measured = early
    if look is not None:
        look(measured, watch)
    several = watch.places.are_several
    if several:  # what looks like a plain step is one from elsewhere
        measured = {name: replace(seen, plain=False) for name, seen in measured.items()}
    rescaled = watch.gradients.clip != runs.zero.gradients.clip
    hidden = {
        name: intended[name]
        for name, seen in measured.items()
        if _hides(seen, rescaled=rescaled) and not _is_anothers(runs, watch, name, seen)
    }
    for name, seen in measured.items():
        if intended[name].expectation.parts:
            measured[name] = replace(seen, plain=seen.plain or _tells(runs, watch, seen))
        elif watch.asked_again or not runs.twin.steps_bare:  # what a step does is not known
            measured[name] = replace(seen, displacement=Fit())
    if hidden and watch.replayable:
        beside = _beside(runs, scale, watch, hidden)
        by_terms = several and not runs.zero.places.are_several
        if by_terms and _moves_first(measured, beside):
            measured = {name: _without_gradient(seen) for name, seen in measured.items()}
        for name, rest in beside.items():
            measured[name] = replace(
                measured[name],
                changes={key: fit for key, fit in rest.changes.items() if key != "gradient"},
                displacement=rest.displacement,
                clip=rest.clip,
                plain=True,
            )
    if several and watch.places.can_lead:
        measured = along_the_way(runs, scale, watch, intended, measured)
    return measured, watch


def _pair(runs: Runs, name: str, watch: Watch) -> Pair:
    tensor = runs.twin.parameters[name]
    before, after = runs.gradient(name, runs.zero), runs.gradient(name, watch)
    if (before is None) != (after is None):  # a penalty on a parameter the data does not reach
        before = torch.zeros_like(tensor) if before is None else before
        after = torch.zeros_like(tensor) if after is None else after
    elif before is None and name in watch.rates:
        before = after = torch.zeros((), dtype=tensor.dtype).expand(tensor.shape)
    rounding = torch.finfo(tensor.dtype).eps
    of_weights = rounding / runs.kept.get(name, 1.0)
    return Pair(
        runs.twin.start[name],
        runs.after_zero[name],
        tensor,
        before,
        after,
        of_weights,
        rounding,
        *runs.joining(name, watch),
        _Metric(runs, name),
    )


def _arrives_once(seen: Measured, meant: Intended) -> bool:
    """Return whether a penalty is there before the loop does what it does behind the step."""
    right = (fit for name, fit in seen.changes.items() if name in meant.allowed)
    return any(fit.present and fit.fits and fit.is_one() for fit in right)


def _is_in_gradient(seen: Measured) -> bool:
    return seen.gradient is not None and seen.gradient.present and seen.gradient.fits


def _as_made(runs: Runs, watch: Watch, name: str) -> Pair:
    """Return the pair of a parameter with its gradients as backward has made them.

    A sign, a root or a norm of a gradient is no sum of data and penalty any more.
    """
    sign = -1.0 if runs.goes_upwards(name) else 1.0
    made = (run.gradients.made(name) for run in (runs.zero, watch))
    before, after = (None if g is None else sign * g for g in made)
    return replace(_pair(runs, name, watch), zero_gradient=before, gradient=after)


def _moved(runs: Runs, watch: Watch, name: str, meant: Intended) -> tuple[Any, Any]:
    """Return where the data's gradient has brought a parameter, and the step of its prox."""
    step = _Metric(runs, name)()[0] if meant.allowed == ("proximal",) else None
    rate = runs.rate(name, watch) if name in runs.twin.held else 1.0
    return runs.after_zero[name], rate if step is None else step


def _early(
    runs: Runs, scale: float, watch: Watch, intended: Mapping[str, Intended]
) -> dict[str, Measured]:
    """Measure what moved the weights before their gradient; nothing where nothing did."""
    if not watch.early:
        return {}
    measured = {}
    for name, meant in intended.items():
        start, eps = runs.twin.start[name], torch.finfo(runs.twin.parameters[name].dtype).eps
        none = torch.zeros((), dtype=start.dtype).expand(start.shape)
        zero, after = (run.early.get(name, start) for run in (runs.zero, watch))
        pair = Pair(start, zero, after, none, none, eps, eps)
        measured[name] = measure(pair, meant.expectation, runs.rate(name, watch), scale)
    return measured


def _moves_first(measured: Mapping[str, Measured], beside: Mapping[str, Measured]) -> bool:
    """Return whether the terms came before a gradient, which was taken at other weights then.

    That changes the gradient of every parameter a little, and is no penalty in it.

    Args:
        measured: by gradients.
        beside: by where the weights went beside them.
    """
    moved = [seen for seen in beside.values() if seen.moved]
    as_meant = all(any(fit.fits for fit in seen.changes.values()) for seen in moved)
    gradients = [seen.gradient for seen in measured.values() if seen.gradient is not None]
    return bool(moved) and as_meant and all(abs(fit.factor) < 0.5 for fit in gradients)


def _without_gradient(seen: Measured) -> Measured:
    """Return what was measured as if both runs had asked for their gradients at one place."""
    if seen.gradient is None:
        return seen
    return replace(seen, gradient=replace(seen.gradient, cc=0.0, ce=0.0, present=False))


class _Metric:
    """Reads step sizes and reach in the optimizer's metric, None where unknown.

    Args:
        runs: a run stands.
        name: of the parameter.
    """

    def __init__(self, runs: Runs, name: str) -> None:
        self._runs, self._name = runs, name

    def __call__(self, where: slice | None = None) -> tuple[Any, Any]:
        """Return them of all weights, or of some."""
        motion = self.motion
        if motion is None:
            return None, None
        if where is not None:
            motion = motion.each(lambda tensor: tensor.reshape(-1)[where])
        below = motion.denominator()
        return motion.rate if below is None else motion.rate / below, motion.reaches()

    @cached_property
    def motion(self) -> Motion | None:
        """How the optimizer has moved the parameter."""
        twin = self._runs.twin
        tensor, group = twin.parameters[self._name], twin.group_of(self._name)
        metric, state = told_metric(twin.optimizer), twin.optimizer.state.get(tensor, {})
        if metric is None or group is None or (not state and metric.needs_state):
            return None
        moment = Moment(group, state, gradient=tensor.grad)
        return metric.motion(moment).amplified(_gain(self._runs, tensor))

    @property
    def reach(self) -> float | None:
        """The reach of the weight that has it farthest, None where there is no bound."""
        motion = self.motion
        if motion is None or motion.reach is None or motion.push is None:
            return None if motion is None else motion.reach
        blocks = (slice(i, i + BLOCK) for i in range(0, motion.push.numel(), BLOCK))
        return max(float(torch.as_tensor(self(where)[1]).max()) for where in blocks)


def farthest_of(runs: Runs, name: str, seen: Measured) -> float | None:
    """Return the most that a prox takes from a weight in a step, None where it has no bound.

    Args:
        runs: a run with the terms stands.
        name: of the parameter.
        seen: of it, in that run.
    """
    prox = seen.changes.get("proximal")
    if prox is None or not (prox.present and prox.fits):
        return None
    reach = _Metric(runs, name).reach
    return None if reach is None else FARTHEST * reach


def _gain(runs: Runs, tensor: torch.Tensor) -> float:
    """Return what momentum makes of a constant push, where the attached terms know it."""
    attachment = runs.twin.attachment
    for slot in attachment.slots if attachment is not None else ():
        for update in slot.updates:
            if slot.parameter is tensor and isinstance(update, Proximal):
                return update.last_gain
    return 1.0


def _is_anothers(runs: Runs, watch: Watch, name: str, seen: Measured) -> bool:
    """Return whether another optimizer steps with the penalty in the gradient, which tells all."""
    held = name in runs.twin.held
    return not held and bool(watch.others) and seen.gradient is not None and seen.gradient.present


def _hides(seen: Measured, *, rescaled: bool) -> bool:
    """Return whether something may lie beside the gradient that the optimizer hides.

    Args:
        seen: of a parameter.
        rescaled: whether all gradients were scaled otherwise than in the run without terms.
    """
    if not seen.finite or seen.plain or seen.gradient is None:
        return False
    explained = any(fit.fits for fit in seen.changes.values())  # as a constraint is, by its prox
    expected = seen.gradient.expects and not rescaled
    unexpected = seen.displacement.present and not expected and not explained
    return not seen.gradient.is_zero or unexpected


def _tells(runs: Runs, watch: Watch, seen: Measured) -> bool:
    """Return whether weights may be compared, since the optimizer had one gradient in both runs.

    A prox in a metric that is not known looks like anything.
    """
    if not seen.finite or seen.gradient is None or not seen.gradient.is_zero:
        return False
    same = watch.gradients.clip == runs.zero.gradients.clip and watch.replayable
    return same and (not runs.adapts or told_metric(runs.twin.optimizer) is not None)


def _beside(
    runs: Runs, scale: float, watch: Watch, intended: Mapping[str, Intended]
) -> dict[str, Measured]:
    """Measure from where a bare optimizer with the same gradients ends."""
    twin = runs.twin
    after = {name: twin.parameters[name].detach().clone() for name in intended}
    unexplained = runs.unexplained
    twin.reset(scale, bare=True)
    step_bare(twin, watch, {name: runs.joining(name, watch)[0] for name in runs.decays})
    measured = {}
    for name, meant in intended.items():
        bare = twin.parameters[name].detach()
        rounding = torch.finfo(bare.dtype).eps / runs.kept.get(name, 1.0)
        if name in unexplained:
            bare = bare + unexplained[name]
        if are_equal(bare, after[name]):
            measured[name] = Measured(True, None)
            continue
        slack = _slack(runs, name)
        if name in runs.kept:  # a share that is measured
            slack += _SHARED * float((after[name] - twin.start[name]).abs().max())
        pair = Pair(twin.start[name], bare, after[name], rounding=rounding, slack=slack)
        measured[name] = measure(pair, meant.expectation, runs.rate(name, watch), scale)
    return measured


def _slack(runs: Runs, name: str) -> float:
    """Return by how much a bare step is off where it is the loop's step, computed otherwise.

    A compiled step has other roundings than a bare one: a share of the step, not of the weights.
    """
    off = runs.unexplained.get(name)
    if off is None:
        return 0.0
    step = runs.after_zero[name] - runs.twin.start[name]
    off, step = off.detach(), step.detach()
    return float(off.abs().max()) if bool(off.norm() <= _ROUNDED * step.norm()) else 0.0
