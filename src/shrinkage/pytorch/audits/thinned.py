"""Some weights of every parameter, with the optimizer that steps all of them.

Who uses this: `runs` and `replays`, to step a bare optimizer many times. An optimizer whose metric
is a diagonal that one step tells moves each weight by that weight's own numbers, so that some
weights go where they would go among all; one that looks at whole arrays is stepped on the copy.
"""

from __future__ import annotations

from typing import Any

import torch

from shrinkage.errors import UnsupportedOptimizer
from shrinkage.pytorch.audits.glance import some
from shrinkage.pytorch.audits.optimizer_copies import copied_optimizer, in_float64
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.optimizers import Metric, metric_of
from shrinkage.pytorch.optimizers.motion import nothing

SAMPLED = 1 << 14
"""Weights of a parameter that are looked at, about."""


def told_metric(optimizer: torch.optim.Optimizer) -> Metric | None:
    """Return a metric that one step tells, None where it is unknown or needs notes of more.

    >>> told_metric(torch.optim.Adafactor([torch.ones(2)])) is None
    True
    """
    try:
        metric = metric_of(optimizer)
    except UnsupportedOptimizer:
        return None
    return metric if metric.note is nothing else None


class Thinned:
    """Stands for a twin where its bare optimizer is stepped.

    Args:
        twin: the copy, whose optimizer moves each weight by its own numbers.
    """

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self.start = {name: self.pick(start).clone() for name, start in twin.start.items()}
        self.parameters: dict[str, torch.Tensor] = {}
        self.optimizer = twin.optimizer

    @staticmethod
    def can_stand_for(twin: Twin) -> bool:
        """Return whether some weights move as they do among all, and fewer of them are quicker."""
        large = any(tensor.numel() > SAMPLED for tensor in twin.parameters.values())
        plain = all(
            type(tensor) in (torch.Tensor, torch.nn.Parameter)
            for tensor in twin.parameters.values()
        )
        return large and plain and told_metric(twin.optimizer) is not None

    @torch.no_grad()
    def reset(self, _scale: float, *, bare: bool) -> None:
        """Go back to the start, without terms and decay."""
        assert bare
        memo: dict[int, Any] = {}
        for name, theirs in self._twin.theirs.items():
            own = torch.nn.Parameter(self.start[name].clone(), theirs.requires_grad)
            self.parameters[name] = memo[id(theirs)] = own
        self.optimizer = copied_optimizer(self._twin.their_optimizer, memo | self._states())
        self._twin.as_stepped(self.optimizer, self.parameters)

    def _states(self) -> dict[int, torch.Tensor]:
        """Return what the states of whole parameters are here."""
        return {
            id(value): self.pick(value).clone()
            for parameter, state in self._twin.their_optimizer.state.items()
            for value in (state.values() if isinstance(state, dict) else ())
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape
        }

    def widen(self) -> None:
        """Go on in float64."""
        in_float64(self.parameters, self.optimizer)

    def group_of(self, name: str) -> dict[str, Any] | None:
        """Return the parameter group of a parameter, None where the optimizer holds it not."""
        place = self._twin.place_of(name)
        return None if place is None else self.optimizer.param_groups[place]

    @staticmethod
    def pick(tensor: torch.Tensor) -> torch.Tensor:
        """Return some numbers of a large tensor, and a small one as it is."""
        return tensor.detach() if tensor.numel() <= SAMPLED else some(tensor, SAMPLED)
