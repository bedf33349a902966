"""The update "decoupled": by the learning rate alone, as the `weight_decay` of AdamW."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from shrinkage.pytorch.optimizers import Moment, Motion
from shrinkage.pytorch.prox.shrink import ActingModels, Shrink, acting_models
from shrinkage.pytorch.updates.base import Target, Tools, Update, shrink, spread
from shrinkage.terms import Part, StepPlan

Multiply = Callable[[torch.Tensor, Any], Any]


class Decoupled(Update):
    """Smooth parts before the step, w − lr·strength·∂Ω; the others after it, by a scalar prox."""

    def __init__(self, plan: StepPlan, target: Target, tools: Tools) -> None:
        self.route = Shrink(plan.after, target.models, tools.workspace)
        super().__init__(plan, target, tools)

    def take(self, plan: StepPlan) -> None:
        """Take what goes before the step and what goes after it."""
        self._plan = plan
        self._take_smooth(plan.before)
        self.route.take(plan.after)

    def before_sets(self, moment: Moment) -> tuple[torch.Tensor, Any]:
        """Return the weights after the prox of the others, and the learning rate."""
        target, rate = self.target, float(moment.group["lr"])
        w = target.view(target.parameter)
        return self._plan.after.before_sets(w, rate, min(1, target.stacked))

    def _take_smooth(self, parts: tuple[Part, ...]) -> None:
        self._smooth = acting_models(parts, self.target.models)
        is_decay = self.target.models is None and all(part.is_decay for part in parts)
        self.decay = sum(part.strength for part in parts) if is_decay else None

    def rate(self, moment: Moment) -> float:
        """Return what strengths are multiplied by."""
        return float(moment.group["lr"])

    @property
    def acts_before(self) -> bool:
        """Whether there is a smooth part whose strength is not 0."""
        return bool(self._smooth)

    def before(self, moment: Moment) -> None:
        """Decay by the smooth parts; plain L2 is a product, bit for bit that of AdamW."""
        rate = self.rate(moment) if self._smooth else 0.0
        if rate == 0:
            return
        target = self.target
        w = target.view(target.parameter)
        multiply = product_of(moment.group, w)
        if self.decay is not None:
            target.resolution.decay(w, rate * self.decay, multiply)
        else:
            for acting in self._smooth:
                if acting.models is None:
                    target.resolution.shrink(_Descent(acting, multiply), w, Motion(rate))
                else:
                    _decay(acting, acting.cut(w), rate, multiply)
        target.put(w, target.parameter)

    def after(self, moment: Moment) -> None:
        """Shrink by the nonsmooth parts."""
        if self.route:
            shrink(self.target, self.route, Motion(float(moment.group["lr"])))


def product_of(group: Mapping[str, Any], w: torch.Tensor) -> Multiply:
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

    acting: ActingModels
    multiply: Multiply

    @property
    def is_separable(self) -> bool:
        return False  # references have the shape of the full parameter

    def threshold(self, motion: Motion) -> float | None:  # noqa: ARG002
        return None

    def __call__(self, w: torch.Tensor, motion: Motion) -> None:
        _decay(self.acting, w, motion.rate, self.multiply)


def _decay(acting: ActingModels, w: torch.Tensor, rate: float, multiply: Multiply) -> None:
    """w ← w·(1 − rate·strength) for L2, minus rate·strength·∂Ω(w) for other smooth parts."""
    stacked = 0 if acting.models is None else 1
    others = [part for part in acting.parts if not part.is_decay]
    gradients = [part.penalty.gradient(part.about(w), stacked) for part in others]
    decays = [part.strength for part in acting.parts if part.is_decay]
    if decays:
        multiply(w, _number(1 - rate * sum(decays, 0.0), w))
    for part, gradient in zip(others, gradients, strict=True):
        w.sub_(gradient * _number(rate * part.strength, w))


def _number(value: Any, w: torch.Tensor) -> Any:
    return spread(value, w) if isinstance(value, torch.Tensor) else value
