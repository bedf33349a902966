"""Walks of the bare optimizer from one start, with its decay in the groups or in the gradient.

Who uses this: `own_decay`, which compares them, and `measuring`, which steps the optimizer bare.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from shrinkage.audits.measuring.fits import Fit, fit
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.audits.watch import Watch

Array = Any
_SAMPLED = 1 << 14  # weights of a parameter that are looked at
_SHRINK = 2.0**-5  # what a decoupled decay takes of a weight in a replayed step, at least
_ROUNDINGS = 32  # … and that many roundings of the weights' dtype


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


def replays_of(
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
    watch.take_again(twin.optimizer)


def amplified(twin: Twin, watch: Watch, names: Iterable[str]) -> dict[str, float]:
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
