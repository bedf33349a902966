"""The update "loss": the term is in the loss that the caller minimizes."""

from __future__ import annotations

import torch

from shrinkage.pytorch.loss import penalty_value
from shrinkage.pytorch.updates.base import Update
from shrinkage.terms import StepPlan


class Loss(Update):
    """The term is added to the loss by the caller, through `Attachment.loss`."""

    def take(self, plan: StepPlan) -> None:
        """Take what goes into the loss."""
        self.parts = plan.loss

    def value(self) -> torch.Tensor:
        """Return Σ strength·penalty with its gradient, over all models."""
        w = self.target.parameter
        if self.target.stacked > 1:
            w = w.flatten(0, self.target.stacked - 1)
        return penalty_value(w, self.parts, min(1, self.target.stacked)).sum()
