"""The update "gradient": gradient + strength·∂Ω, as the `weight_decay` of SGD and Adam."""

from __future__ import annotations

import torch

from shrinkage.errors import UnsupportedOptimizer
from shrinkage.pytorch.optimizers import Moment
from shrinkage.pytorch.prox.shrink import acting_models
from shrinkage.pytorch.updates.base import Target, Tools, Update, spread
from shrinkage.terms import Part, StepPlan


class Gradient(Update):
    """Before the step: gradient + strength·∂Ω; after it the caller has the old gradient back."""

    def __init__(self, plan: StepPlan, target: Target, tools: Tools) -> None:
        super().__init__(plan, target, tools)
        self._callers: torch.Tensor | None = None
        self._changed: torch.Tensor | None = None

    def take(self, plan: StepPlan) -> None:
        """Take what goes into the gradient."""
        self._acting = acting_models(plan.gradient, self.target.models)

    @property
    def acts_before(self) -> bool:
        """Whether some strength is not 0."""
        return bool(self._acting)

    def before(self, moment: Moment) -> None:
        """Put a changed copy in the place of the gradient."""
        parameter = self.target.parameter
        callers = parameter.grad
        if not self._acting or callers is None:
            return
        if callers.is_sparse:
            raise UnsupportedOptimizer(
                f"expected a dense gradient for update='gradient', got a sparse one of "
                f"{self.target.name}: build the layer with sparse=False"
            )
        if self._changed is None or self._changed.shape != callers.shape:
            self._changed = torch.empty_like(callers)
        self._changed.copy_(callers)
        factor = -moment.scale if moment.group.get("maximize") else moment.scale
        w, gradient = self.target.view(parameter), self.target.view(self._changed)
        for models in self._acting:
            for part in models.parts:
                _add(models.cut(gradient), models.cut(w), part, factor, self.target.stacked)
        self.target.put(gradient, self._changed)
        self._callers, parameter.grad = callers, self._changed

    def after(self, moment: Moment) -> None:  # noqa: ARG002
        """Give the caller's gradient back."""
        self.release()

    def release(self) -> None:
        """Give the caller's gradient back, unless it was replaced meanwhile."""
        if self._callers is not None and self.target.parameter.grad is self._changed:
            self.target.parameter.grad = self._callers
        self._callers = None


def _add(gradient: torch.Tensor, w: torch.Tensor, part: Part, factor: float, stacked: int) -> None:
    """gradient += factor·strength·∂Ω(w), with the one rounding that weight_decay has."""
    pushed = w if part.is_decay else part.penalty.gradient(part.about(w), min(1, stacked))
    if isinstance(part.strength, torch.Tensor):
        gradient.addcmul_(pushed, spread(part.strength, w), value=factor)
    else:
        gradient.add_(pushed, alpha=factor * part.strength)
