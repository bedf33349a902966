"""What the three steps say of the training to come: collapse.

Who uses this: `audit`. It turns the arrays of a run into the numbers of `judging.collapse`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from shrinkage.audits.findings import Finding
from shrinkage.audits.intended import Intended
from shrinkage.audits.judging.collapse import Pushes, predict_collapse
from shrinkage.audits.measuring import Expectation, Measured
from shrinkage.audits.measuring.fits import dot
from shrinkage.audits.measuring.pair import as_float64
from shrinkage.pytorch.audits.clipping import is_made_with
from shrinkage.pytorch.audits.glance import has_nonzero
from shrinkage.pytorch.audits.runs import Runs
from shrinkage.pytorch.audits.watch import Watch
from shrinkage.terms import Terms

_SUMS = ("penalty", "data", "along", "squares", "moved", "lost")


@dataclass(frozen=True)
class Outlook:
    """The pushes on every penalised weight, and whether the penalty's is beside the gradient."""

    pushes: tuple[Pushes, ...]
    beside: bool
    adaptive: bool
    frozen: bool  # whether weights stay that are not trained
    taken: tuple[str, ...]  # layers of which the step left nothing
    carrying: tuple[str, ...]  # all layers that train

    @classmethod
    def of(
        cls,
        runs: Runs,
        intended: Mapping[str, Intended],
        measured: Mapping[str, Measured],
        watch: Watch,
    ) -> Outlook:
        """Return the outlook, while the run at scale 1 stands: `runs.adapts` is known already."""
        expected = {name: meant.expectation for name, meant in intended.items()}
        names = [n for n, seen in measured.items() if seen.finite and expected[n].parts]
        adaptive = runs.adapts
        beside = adaptive and all(_is_decoupled(measured[name]) for name in names)
        pushes = [
            _pushes(runs, name, expected[name], _data(runs, watch, name), beside=beside)
            for name in names
            if _carries(runs.twin.parameters[name])
        ]
        carrying = [
            info.name
            for info in runs.twin.infos
            if info.trainable and _carries(runs.twin.parameters[info.name])
        ]
        taken = [
            name
            for name in names
            if name in carrying and name not in runs.twin.zeros
            if not has_nonzero(runs.twin.parameters[name])
        ]
        frozen = any(
            info.role == "weight" and not info.trainable and info.name not in runs.zero.thawed
            for info in runs.twin.infos
        )
        told = tuple(push for push in pushes if push is not None)
        return cls(told, beside, adaptive, frozen, tuple(taken), tuple(carrying))

    def collapse(
        self, terms: Terms, idle: frozenset[str], steps_per_epoch: float | None
    ) -> list[Finding]:
        """Return whether the network will go to zero output; `idle` weights have no say."""
        pushes = [push for push in self.pushes if push.name not in idle]
        if not pushes:
            return []
        smooth = all(term.penalty.smooth for term in terms)
        return predict_collapse(
            pushes,
            [term.strength for term in terms],
            proportional=smooth and (self.beside or not self.adaptive),
            smooth=smooth,
            steps_per_epoch=steps_per_epoch,
            frozen=self.frozen,
        )


def _carries(tensor: torch.Tensor) -> bool:
    """Return whether a network may put out zero without a tensor, and no scale of heads."""
    return tensor.ndim == 2 or (tensor.ndim > 2 and 1 not in tensor.shape[:2])


def _is_decoupled(seen: Measured) -> bool:
    """Return whether what arrived beside the gradient was no prox in the optimizer's metric."""
    if seen.gradient is not None and seen.gradient.present:
        return False
    scalar, metric = seen.changes.get("decoupled"), seen.changes.get("proximal")
    if scalar is None or not scalar.fits:
        return False
    return metric is None or not metric.fits or abs(scalar.factor - 1) <= abs(metric.factor - 1)


def _data(runs: Runs, watch: Watch, name: str) -> torch.Tensor | None:
    """Return the data's gradient: as the loop has clipped it, where it clips no penalty with it."""
    if not runs.zero.scales_gradients or is_made_with(runs.zero, watch, name):
        return runs.gradient(name, runs.zero)
    used = runs.zero.gradients.used(name)
    return -used if used is not None and runs.goes_upwards(name) else used


def _pushes(
    runs: Runs,
    name: str,
    expected: Expectation,
    gradient: torch.Tensor | None,
    *,
    beside: bool,
) -> Pushes | None:
    """Return the two pushes on a parameter: displacements where the penalty's is beside."""
    about_zero = Expectation(
        tuple(p for p in expected.parts if p.reference is None and p.penalty.finite)
    )  # a constraint is fulfilled in one step, and pushes no further
    if not about_zero.parts or (not beside and gradient is None):
        return None
    if beside and not runs.moves(name) and gradient is not None and has_nonzero(gradient):
        return None  # the optimizer does not go by the data in this step, but will
    arrays = (runs.twin.start[name], runs.after_zero[name], runs.twin.parameters[name])
    size, looked_at = math.prod(arrays[0].shape), 0
    sums: dict[str, float] = dict.fromkeys(_SUMS, 0.0)
    largest = 0.0
    for where, block in about_zero.blocks(size):
        w, z, a = (_cut(array, where) for array in arrays)
        push, data = (a - z, z - w) if beside else (block.subgradient(w), _cut(gradient, where))
        products = (
            ("penalty", push, push),
            ("data", data, data),
            ("along", push, data),
            ("squares", w, w),
            ("lost", w - a, w),
        )
        for key, first, second in products:
            sums[key] += dot(first, second)
        looked_at += w.size
        sums["moved"] += float(np.abs(a - w).sum())
        largest = max(largest, float(np.abs(w).max(initial=0.0)))
    if not sums["squares"]:
        return None
    times = size / looked_at  # of a large parameter some weights stand for all
    return Pushes(
        name,
        (times * sums["penalty"]) ** 0.5,
        (times * sums["data"]) ** 0.5,
        times * sums["along"],
        largest,
        sums["moved"] / looked_at,
        sums["lost"] / sums["squares"],
    )


def _cut(array: Any, where: slice | None) -> Any:
    return as_float64(array if where is None else array.reshape(-1)[where])
