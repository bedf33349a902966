"""The update "proximal": after the step, the prox in the metric in which the optimizer moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shrinkage.pytorch.optimizers import Metric, Moment, Motion, metric_of
from shrinkage.pytorch.optimizers.motion import no_gain, nothing
from shrinkage.pytorch.prox.shrink import Shrink
from shrinkage.pytorch.updates.base import Target, Tools, Update, shrink
from shrinkage.terms import Part, smooth_and_nonsmooth


class Proximal(Update):
    """After the step: the prox of all parts in the optimizer's own metric."""

    def __init__(self, parts: Sequence[Part], target: Target, tools: Tools) -> None:
        super().__init__(parts, target, tools)
        self.metric: Metric = metric_of(tools.optimizer)
        self.route = Shrink(self.parts, target.models, tools.scratch)
        self._noted: Any = None
        self.makes_zeros = bool(smooth_and_nonsmooth(self.parts)[1])
        self.buffer: float | None = None  # the momentum buffer of a constant gradient of one
        self.last_gain = 1.0  # what momentum made of a constant push in the last step

    def set_strengths(self, parts: Sequence[Part]) -> None:
        """Take the same parts with other strengths."""
        super().set_strengths(parts)
        self.route.set_strengths(self.parts)

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
        if self.buffer is None:
            self.buffer = self.metric.steady_buffer(moment)
        self._noted = self.metric.note(moment, self.target.parameter)

    def after(self, moment: Moment) -> None:
        """Shrink."""
        gain, self.buffer = self.metric.gain(moment.group, self.buffer)
        self.last_gain = gain
        if self.route:
            motion = self.metric.motion(moment, self._noted)
            shrink(self.target, self.route, _viewed(motion, self.target, gain))
        self._noted = None


def _viewed(motion: Motion, target: Target, gain: float) -> Motion:
    """Return the motion of what this process works on, amplified by the momentum's gain."""
    seen = motion if target.is_plain else motion.each(target.view)
    return seen if gain == 1 else replace(seen, rate=seen.rate * gain)
