"""The update "corrected": decay by lr² / (largest lr), so that it falls faster than the rate does.

With lr alone, a decay and the gradient of a normalised layer balance at a norm that falls with the
schedule, and gradients grow towards the end; with lr² / (largest lr) the balance stays. It solves
no fixed objective: like "decoupled", it is a rule for the way of training.
"""

from __future__ import annotations

from typing import Any

from shrinkage.pytorch.optimizers import Moment
from shrinkage.pytorch.updates.decoupled import Decoupled
from shrinkage.terms import ProximalSum, StepPlan

_NAMED = ("max_lr", "initial_lr")  # what schedules of torch write into a group


class Corrected(Decoupled):
    """Before the step: w ← w·(1 − lr²/largest · strength).

    The largest rate is that of the group's schedule, where it names one, or has been seen.

    Source: Defazio, Why gradients rapidly increase near the end of training, arXiv 2506.02285;
    timm's corrected_weight_decay takes the rate of the constructor for the largest.
    """

    largest: float = 0.0

    def take(self, plan: StepPlan) -> None:
        """Take what goes before the step; nothing comes after it."""
        self._take_smooth(plan.corrected)
        self.route.take(ProximalSum(()))

    def rate(self, moment: Moment) -> float:
        """Return lr² / (largest lr)."""
        rate = float(moment.group["lr"])
        named = (_number(moment.group.get(name)) for name in _NAMED)
        self.largest = max(self.largest, rate, *named)
        return rate * rate / self.largest if self.largest else 0.0


def _number(value: Any) -> float:
    return 0.0 if value is None else float(value)
