"""The update "cautious": decay of the weights that the optimizer moves towards zero anyway.

No weight is decayed against its gradient, so that what is stationary is so without the decay: it
solves the data loss alone, and among its stationary points goes to those with smaller weights.
"""

from __future__ import annotations

import torch

from shrinkage.pytorch.optimizers import Moment
from shrinkage.pytorch.prox.shrink import acting_models
from shrinkage.pytorch.updates.base import Update, spread
from shrinkage.terms import StepPlan


class Cautious(Update):
    """w ← w − lr·(u + strength·[u·w >= 0]·w), u being the optimizer's own step, over lr.

    Source: Chen et al., Cautious weight decay, arXiv 2510.12402.
    """

    _start: torch.Tensor | None = None

    def take(self, plan: StepPlan) -> None:
        """Take the decays."""
        self._acting = acting_models(plan.cautious, self.target.models)

    @property
    def acts_before(self) -> bool:
        """Whether there is a decay, which has to see where the optimizer moves the weights."""
        return bool(self._acting)

    def before(self, moment: Moment) -> None:  # noqa: ARG002
        """Keep the weights."""
        if self._acting:
            self._start = self.target.view(self.target.parameter).clone()

    def after(self, moment: Moment) -> None:
        """Decay where the step had the sign of the weights."""
        start, self._start = self._start, None
        if start is None:
            return
        rate, w = float(moment.group["lr"]), self.target.view(self.target.parameter)
        for acting in self._acting:
            own, moved = acting.cut(start), acting.cut(w)
            towards = (own - moved) * own >= 0
            strength = sum((part.strength for part in acting.parts), 0.0)
            factor = spread(strength, own) if isinstance(strength, torch.Tensor) else strength
            moved.sub_(own * towards * (rate * factor))
        self.target.put(w, self.target.parameter)

    def release(self) -> None:
        """Forget weights of a step that has raised."""
        self._start = None
