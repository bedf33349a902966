"""The update "decoupled": by the learning rate alone, as the `weight_decay` of AdamW."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from shrinkage.pytorch.optimizers import Moment, Motion
from shrinkage.pytorch.prox.shrink import Run, Shrink, live_runs
from shrinkage.pytorch.updates.base import Target, Tools, Update, is_plain_l2, shrink, spread
from shrinkage.terms import Part, smooth_and_nonsmooth


class Decoupled(Update):
    """Smooth parts before the step, w − lr·strength·∂Ω; the others after it, by a scalar prox."""

    def __init__(self, parts: Sequence[Part], target: Target, tools: Tools) -> None:
        super().__init__(parts, target, tools)
        smooth, kinked = smooth_and_nonsmooth(self.parts)
        self.route = Shrink(kinked, target.models, tools.scratch)
        self.makes_zeros = bool(kinked)
        self._take_smooth(smooth)

    def _take_smooth(self, smooth: Sequence[Part]) -> None:
        self._smooth = live_runs(smooth, self.target.models)
        plain = self.target.models is None and all(is_plain_l2(part) for part in smooth)
        self.decay = sum(part.strength for part in smooth) if plain else None

    @property
    def acts_before(self) -> bool:
        """Whether there is a smooth part whose strength is not 0."""
        return bool(self._smooth)

    def set_strengths(self, parts: Sequence[Part]) -> None:
        """Take the same parts with other strengths."""
        super().set_strengths(parts)
        smooth, kinked = smooth_and_nonsmooth(self.parts)
        self._take_smooth(smooth)
        self.route.set_strengths(kinked)

    def before(self, moment: Moment) -> None:
        """Decay by the smooth parts; plain L2 is a product, bit for bit that of AdamW."""
        rate = float(moment.group["lr"]) if self._smooth else 0.0
        if rate == 0:
            return
        target = self.target
        w = target.view(target.parameter)
        multiply = product_of(moment.group, w)
        if self.decay is not None:
            target.resolution.decay(w, rate * self.decay, multiply)
        else:
            for run in self._smooth:
                if run.models is None:
                    target.resolution.shrink(_Descent(run, multiply), w, Motion(rate))
                else:
                    _decay(run, run.cut(w), rate, multiply)
        target.put(w, target.parameter)

    def after(self, moment: Moment) -> None:
        """Shrink by the parts with kinks."""
        if self.route:
            shrink(self.target, self.route, Motion(float(moment.group["lr"])))


def product_of(group: Mapping[str, Any], w: torch.Tensor) -> Callable[[torch.Tensor, Any], Any]:
    """Return the in-place product of the optimizer's variant: in 16 bits foreach rounds apart."""
    chosen = group.get("foreach")
    foreach = bool(chosen) if chosen is not None else w.is_cuda and not group.get("fused")
    return _foreach_product if foreach else torch.Tensor.mul_


def _foreach_product(w: torch.Tensor, factor: Any) -> None:
    if isinstance(factor, float):
        torch._foreach_mul_([w], factor)  # pyright: ignore[reportPrivateImportUsage]
    else:
        w.mul_(factor)


@dataclass(frozen=True, eq=False)
class _Descent:
    """A decay by smooth parts that are not all plain L2, as a shrink in place."""

    run: Run
    multiply: Callable[[torch.Tensor, Any], Any]

    @property
    def is_separable(self) -> bool:
        return False  # references have the shape of the whole parameter

    def threshold(self, motion: Motion) -> float | None:  # noqa: ARG002
        return None

    def __call__(self, w: torch.Tensor, motion: Motion) -> None:
        _decay(self.run, w, motion.rate, self.multiply)


def _decay(
    run: Run, w: torch.Tensor, rate: float, multiply: Callable[[torch.Tensor, Any], Any]
) -> None:
    """w ← w·(1 − rate·strength) for L2, minus rate·strength·∂Ω(w) for other smooth parts."""
    stacked = 0 if run.models is None else 1
    plain = [part for part in run.parts if is_plain_l2(part)]
    others = [part for part in run.parts if not is_plain_l2(part)]
    slopes = [part.penalty.gradient(part.about(w), stacked) for part in others]
    if plain:
        total: Any = sum((part.strength for part in plain), 0.0)
        multiply(w, _number(1 - rate * total, w))
    for part, slope in zip(others, slopes, strict=True):
        w.sub_(slope * _number(rate * part.strength, w))


def _number(value: Any, w: torch.Tensor) -> Any:
    return spread(value, w) if isinstance(value, torch.Tensor) else value
