"""The update "proximal": after the step, the prox in the metric in which the optimizer moved."""

from __future__ import annotations

from typing import Any

import torch

from shrinkage.pytorch.optimizers import Moment, metric_of
from shrinkage.pytorch.optimizers.motion import no_gain, nothing
from shrinkage.pytorch.optimizers.support import check_metric
from shrinkage.pytorch.prox.shrink import Shrink
from shrinkage.pytorch.updates.base import Target, Tools, Update, shrink
from shrinkage.terms import StepPlan


class Proximal(Update):
    """After the step: the prox of all parts in the optimizer's own metric."""

    def __init__(self, plan: StepPlan, target: Target, tools: Tools) -> None:
        self.metric = metric_of(tools.optimizer)
        check_metric(
            tools.optimizer, self.metric, (part.penalty for part in plan.in_metric.assigned)
        )
        self.route = Shrink(plan.in_metric, target.models, tools.workspace)
        self.buffer: float | None = None  # the momentum buffer of a constant gradient of one
        self.last_gain = 1.0  # what momentum made of a constant push in the last step
        self._noted: Any = None
        self._had_state = False  # after the last step
        super().__init__(plan, target, tools)

    def take(self, plan: StepPlan) -> None:
        """Take what is measured in the metric."""
        self._plan = plan
        self.route.take(plan.in_metric)

    def before_sets(self, moment: Moment) -> tuple[torch.Tensor, Any]:
        """Return the weights after the prox of the others, and the size of the step."""
        target = self.target
        gain, _ = self.metric.gain(moment.group, self.buffer)
        motion = self.metric.motion(moment, self._noted).amplified(gain)
        motion = motion if target.is_plain else motion.each(target.view)
        denominator = motion.denominator()
        step = motion.rate if denominator is None else motion.rate / denominator
        w, stacked = target.view(target.parameter), min(1, target.stacked)
        return self._plan.in_metric.before_sets(w, step, stacked, motion.reaches())

    @property
    def acts_before(self) -> bool:
        """Whether the metric needs something from before the step."""
        return not self.reads_state_only

    @property
    def reads_state_only(self) -> bool:
        """Whether the metric needs neither the state before the step nor a momentum's gain."""
        return self.metric.note is nothing and self.metric.gain is no_gain

    def before(self, moment: Moment) -> None:
        """Note what the metric needs of the state before the step."""
        if self._had_state and not moment.state:
            self.buffer = None  # the optimizer has been set back to its start
        if self.buffer is None:
            self.buffer = self.metric.steady_buffer(moment)
        self._noted = self.metric.note(moment, self.target.parameter)

    def after(self, moment: Moment) -> None:
        """Shrink by what the optimizer has moved, amplified by the momentum's gain."""
        gain, self.buffer = self.metric.gain(moment.group, self.buffer)
        self.last_gain, self._had_state = gain, bool(moment.state)
        if self.route:
            motion = self.metric.motion(moment, self._noted)
            if not self.target.is_plain:
                motion = motion.each(self.target.view)
            shrink(self.target, self.route, motion.amplified(gain))
        self._noted = None
