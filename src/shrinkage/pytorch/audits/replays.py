"""Walks of the bare optimizer of a twin: what an optimizer's own decay is measured on.

Who uses this: `runs`, which measures, and `measuring`, which steps the optimizer bare.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from shrinkage.audits.decays import MeasuredDecay, OwnDecay, measure_decays
from shrinkage.pytorch.audits.step_call import seeded
from shrinkage.pytorch.audits.thinned import SAMPLED, Thinned
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.audits.watch import Watch

Array = Any
Stand = Twin | Thinned
_SHRINK = 2.0**-5  # what a decoupled decay takes of a weight in a replayed step, at least
_HIDDEN = (OwnDecay.UNKNOWN, OwnDecay.INTERMITTENT)  # what rounding may look like
_LOUD = 0.25  # an error of a factor that hides it
_ONE = 0.01
_APART = 2.0
_ROUNDINGS = 32  # … and that many roundings of the weights' dtype


class Replays:
    """Steps a twin's optimizer bare, with the gradients of a run.

    Args:
        stand: the twin, or some weights of it; elsewhere after every walk.
        watch: of the run.
        names: the parameters that are looked at.
        seed: random state of every walk.
        wide: walk in float64, whatever the weights are.
    """

    def __init__(
        self, stand: Stand, watch: Watch, names: Iterable[str], seed: int, *, wide: bool = False
    ) -> None:
        self._stand, self._watch, self._names, self._seed = stand, watch, tuple(names), seed
        self._wide = wide
        self._plain: dict[tuple[int, float, bool], dict[str, list[Array]]] = {}

    def rate_of(self, name: str) -> float:
        """Return the learning rate of a parameter in the run, 1 where its group has none."""
        return self._watch.rates[name]

    def rounding_of(self, name: str) -> float:
        """Return the machine epsilon of a parameter."""
        return torch.finfo(torch.float64 if self._wide else self._stand.start[name].dtype).eps

    def walk(
        self,
        steps: int,
        *,
        in_groups: Mapping[str, float] | None = None,
        in_gradient: Mapping[str, float] | None = None,
        rate: float = 1.0,
        noisy: bool = False,
    ) -> Mapping[str, Sequence[Array]]:
        """Return the weights of every parameter along a walk."""
        if in_groups or in_gradient:
            return self._walk(steps, in_groups or {}, in_gradient or {}, rate, noisy)
        if (steps, rate, noisy) not in self._plain:
            self._plain[steps, rate, noisy] = self._walk(steps, {}, {}, rate, noisy)
        return self._plain[steps, rate, noisy]

    def _walk(
        self,
        steps: int,
        in_groups: Mapping[str, float],
        in_gradient: Mapping[str, float],
        rate: float,
        noisy: bool,
    ) -> dict[str, list[Array]]:
        stand = self._stand
        stand.reset(0.0, bare=True)
        if self._wide:
            stand.widen()
        for group in stand.optimizer.param_groups if rate != 1 else ():
            if group.get("lr") is not None:
                group["lr"] = rate * group["lr"]
        for name, decay in in_groups.items():
            group = stand.group_of(name)
            assert group is not None
            group["weight_decay"] = decay
        visited = {name: [_sample(stand.parameters[name])] for name in self._names}
        with seeded(self._seed):
            for step in range(steps):
                step_bare(stand, self._watch, in_gradient, noisy=noisy, goes_on=step > 0)
                for name, weights in visited.items():
                    weights.append(_sample(stand.parameters[name]))
        return visited


def own_decays(twin: Twin, stand: Stand, watch: Watch, seed: int) -> dict[str, MeasuredDecay]:
    """Return how the optimizer's decay reaches each parameter whose group has one.

    Args:
        twin: the copy.
        stand: it, or some weights of it; it stands elsewhere afterwards.
        watch: of the run whose gradients are stepped with.
        seed: random state of every walk.

    Returns:
        What was measured, by name; parameters without a gradient, or whose learning rate is 0,
        are left out.
    """
    known = {
        name: twin.known_decay_of(name)
        for name, tensor in twin.parameters.items()
        if twin.decay_of(name) > 0
        and watch.gradients.has_used(name)
        and watch.rates[name]
        and tensor.numel()
    }
    if not known or not watch.replayable:
        return {name: MeasuredDecay(rule) for name, rule in known.items()}
    decays = _amplified(twin, watch, known)
    measured = measure_decays(Replays(stand, watch, known, seed), decays, known)
    hidden = {n for n, said in measured.items() if said.rule in _HIDDEN or said.error > _LOUD}
    if hidden:
        with twin.narrowed(), contextlib.suppress(Exception):  # one that steps in its dtype alone
            wide = Replays(stand, watch, hidden, seed, wide=True)
            measured |= measure_decays(wide, {n: decays[n] for n in hidden}, {})
    if twin.finds_its_rate:
        measured = {name: _by_found_rate(said) for name, said in measured.items()}
    return measured


def _by_found_rate(said: MeasuredDecay) -> MeasuredDecay:
    """Return a decay that grows along a walk because the rate does, for what it is."""
    grows = said.rule is OwnDecay.SCALED and abs(said.factor - 1) <= _ONE + said.error
    return replace(said, rule=OwnDecay.DECOUPLED) if grows else said


def step_bare(
    stand: Stand,
    watch: Watch,
    in_gradient: Mapping[str, float],
    *,
    noisy: bool = False,
    goes_on: bool = False,
) -> None:
    """Step the optimizer as it stands with a run's gradients, and λw added to them by name.

    Noisy ones are random, as large as the run's, and the same in every walk. A step that goes on
    draws new numbers where the optimizer draws any; else it draws those of the run.
    """
    for name, tensor in stand.parameters.items():
        gradient, decay = watch.gradients.used(name, stand.pick), in_gradient.get(name, 0.0)
        group = stand.group_of(name)
        if gradient is not None:
            gradient = (_noise_like(gradient) if noisy else gradient).to(tensor.dtype)
        if gradient is not None and group is not None and decay:
            upwards = group.get("maximize", False)
            gradient = gradient.add(tensor.detach(), alpha=-decay if upwards else decay)
        tensor.grad = gradient
    watch.take_again(stand.optimizer, goes_on=goes_on)


def pushed_without_gradient(
    stand: Stand, watch: Watch, seed: int
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return from where and to where a bare step with gradients of zeros takes weights.

    Nothing moves there under an optimizer without history, unless its class decays of its own.
    """
    stand.reset(0.0, bare=True)
    try:
        stand.optimizer.state.clear()
        for name, tensor in stand.parameters.items():
            used = watch.gradients.used(name, stand.pick)
            tensor.grad = None if used is None else torch.zeros_like(tensor)
        before = {name: tensor.detach().clone() for name, tensor in stand.parameters.items()}
        with seeded(seed):
            watch.take_again(stand.optimizer)
    except Exception:  # one that keeps more than its state, or divides by a norm of 0
        return {}
    return {name: (before[name], after.detach()) for name, after in stand.parameters.items()}


def _noise_like(gradient: torch.Tensor) -> torch.Tensor:
    size = float(gradient.double().norm()) / max(1, gradient.numel()) ** 0.5
    noise = torch.randn(gradient.shape, dtype=torch.float64, device=gradient.device)
    return (noise * size).to(gradient.dtype)


def _amplified(twin: Twin, watch: Watch, names: Iterable[str]) -> dict[str, float]:
    """Return a decay for each group that can be seen: beside the weights and the gradient.

    It is another one than the loop's, so that what both do tells whether it is linear.
    """
    squares: dict[int, list[float]] = {}
    groups = {name: twin.group_of(name) for name in names}
    for name, group in groups.items():
        weights = twin.start[name]
        sums = squares.setdefault(id(group), [0.0, 0.0, 0.0])
        sums[0] += watch.gradients.used_norm(name) ** 2
        sums[1] += float(weights.norm()) ** 2
        sums[2] = max(sums[2], torch.finfo(weights.dtype).eps)
    decays = {}
    for name, group in groups.items():
        along, size, rounding = squares[id(group)]
        beside = (along / size) ** 0.5 if size else 0.0
        rate = watch.rates[name]
        shrink = max(_SHRINK, _ROUNDINGS * rounding)
        decays[name] = max(_APART * twin.decay_of(name), beside, shrink / rate if rate else 0.0)
    return decays


def _sample(tensor: torch.Tensor) -> Array:
    """Return some weights, evenly spread, in float64."""
    stride = -(-tensor.numel() // SAMPLED)
    sampled = tensor.detach().reshape(-1)[::stride].to("cpu", torch.float64, copy=True).numpy()
    return np.asarray(sampled)
