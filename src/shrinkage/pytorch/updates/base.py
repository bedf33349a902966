"""What an update is: one parameter's parts around a step, and the parameter as it works on it.

Who uses this: the four updates. They work on one model or on many stacked along a leading axis,
with one strength per model, and touch no model whose strengths are 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

from shrinkage.pytorch.optimizers import Moment, Motion
from shrinkage.pytorch.prox.rounding import Resolution
from shrinkage.pytorch.prox.shrink import Shrink
from shrinkage.pytorch.prox.soft import Workspace
from shrinkage.pytorch.sharding import is_sharded, local, shard_of, unsharded
from shrinkage.terms import StepPlan


@dataclass(frozen=True, eq=False)
class Target:
    """One parameter of an optimizer, and the models along its leading axes (0: no such axis).

    `gathered` says that its shards on several processes are worked on as one full tensor.
    """

    name: str
    parameter: torch.Tensor
    stacked: int = 0
    gathered: bool = False
    resolution: Resolution = field(default_factory=Resolution)

    @cached_property
    def is_plain(self) -> bool:
        """Whether the tensors are worked on as they are."""
        return self.stacked <= 1 and not is_sharded(self.parameter)

    @property
    def models(self) -> int | None:
        """How many models lie along the leading axes."""
        return self.parameter.shape[: self.stacked].numel() if self.stacked else None

    def view(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return what this process works on, the model axes as one, sharing memory.

        A gathered tensor is a copy: `put` writes it back.
        """
        tensor = tensor.detach()
        if self.is_plain:
            return tensor
        if is_sharded(tensor):
            tensor = unsharded(tensor) if self.gathered else local(tensor)
        if self.stacked <= 1:
            return tensor
        return tensor.view(-1, *tensor.shape[self.stacked :])

    def put(self, view: torch.Tensor, tensor: torch.Tensor) -> None:
        """Write a view of a tensor back to it, where the view is a copy."""
        if self.gathered:
            local(tensor.detach()).copy_(shard_of(view, tensor))


@dataclass(frozen=True, eq=False)
class Tools:
    """What the updates of one attachment share."""

    optimizer: torch.optim.Optimizer
    workspace: Workspace


class Update(ABC):
    """What one parameter's parts do around a step; `before` and `after` may do nothing.

    Args:
        plan: of the parameter; an update reads its own fields of it.
        target: the parameter.
        tools: what all updates share.
    """

    def __init__(self, plan: StepPlan, target: Target, tools: Tools) -> None:
        self.target = target
        self.tools = tools
        self.take(plan)

    @abstractmethod
    def take(self, plan: StepPlan) -> None:
        """Take the plan, at first and whenever its strengths have changed."""

    def before_sets(self, moment: Moment) -> tuple[torch.Tensor, Any]:  # noqa: ARG002
        """Return the weights that a projection to come will get, and its step."""
        return self.target.view(self.target.parameter), 1.0

    @property
    def acts_before(self) -> bool:
        """Whether `before` does anything at these strengths."""
        return False

    def before(self, moment: Moment) -> None:  # noqa: B027 - most do nothing
        """Act before the optimizer moves."""

    def after(self, moment: Moment) -> None:  # noqa: B027 - most do nothing
        """Act after the optimizer has moved."""

    def release(self) -> None:  # noqa: B027 - most do nothing
        """Give back what `before` borrowed."""


def shrink(target: Target, route: Shrink, motion: Motion) -> None:
    """Shrink a parameter that has moved."""
    w = target.view(target.parameter)
    if target.stacked:
        route(w, motion)
    else:
        target.resolution.shrink(route, w, motion)
    target.put(w, target.parameter)


def spread(strength: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return one number per model in the dtype of `w`, shaped to broadcast over it."""
    return strength.to(w.device, w.dtype).view(-1, *(1,) * (w.ndim - 1))
