"""The update "gradient": gradient + strength·∂Ω, as the `weight_decay` of SGD and Adam."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from shrinkage.errors import UnsupportedOptimizer
from shrinkage.pytorch.optimizers import Moment
from shrinkage.pytorch.prox.shrink import live_runs
from shrinkage.pytorch.updates.base import Target, Tools, Update, is_plain_l2, spread
from shrinkage.terms import Part


class Gradient(Update):
    """Before the step: gradient + strength·∂Ω; after it the caller has the old gradient back."""

    changes_gradient = True

    def __init__(self, parts: Sequence[Part], target: Target, tools: Tools) -> None:
        super().__init__(parts, target, tools)
        self._runs = live_runs(self.parts, target.models)
        self._given: torch.Tensor | None = None
        self._changed: torch.Tensor | None = None

    @property
    def acts_before(self) -> bool:
        """Whether some strength is not 0."""
        return bool(self._runs)

    def set_strengths(self, parts: Sequence[Part]) -> None:
        """Take the same parts with other strengths."""
        super().set_strengths(parts)
        self._runs = live_runs(self.parts, self.target.models)

    def before(self, moment: Moment) -> None:
        """Put a changed copy in the place of the gradient."""
        parameter = self.target.parameter
        given = parameter.grad
        if not self._runs or given is None:
            return
        if given.is_sparse:
            raise UnsupportedOptimizer(
                f"expected a dense gradient for update='gradient', got a sparse one of "
                f"{self.target.name}: build the layer with sparse=False"
            )
        if self._changed is None or self._changed.shape != given.shape:
            self._changed = torch.empty_like(given)
        self._changed.copy_(given)
        factor = -moment.scale if moment.group.get("maximize") else moment.scale
        w, gradient = self.target.view(parameter), self.target.view(self._changed)
        for run in self._runs:
            for part in run.parts:
                _add_slope(run.cut(gradient), run.cut(w), part, factor, self.target.stacked)
        self.target.put(gradient, self._changed)
        self._given, parameter.grad = given, self._changed

    def after(self, moment: Moment) -> None:  # noqa: ARG002
        """Give the caller's gradient back."""
        self.release()

    def release(self) -> None:
        """Give the caller's gradient back, unless it was replaced meanwhile."""
        if self._given is not None and self.target.parameter.grad is self._changed:
            self.target.parameter.grad = self._given
        self._given = None


def _add_slope(
    gradient: torch.Tensor, w: torch.Tensor, part: Part, factor: float, stacked: int
) -> None:
    """gradient += factor·strength·∂Ω(w), with the one rounding that weight_decay has."""
    slope = w if is_plain_l2(part) else part.penalty.gradient(part.about(w), min(1, stacked))
    if isinstance(part.strength, torch.Tensor):
        gradient.addcmul_(slope, spread(part.strength, w), value=factor)
    else:
        gradient.add_(slope, alpha=factor * part.strength)
