"""What an update is: one parameter's terms around a step, and the parameter as it works on it.

Who uses this: the four updates. They work on one model or on many stacked along a leading axis,
with one strength per model, and touch no model whose strengths are 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import torch

from shrinkage.pytorch.optimizers import Moment, Motion
from shrinkage.pytorch.prox.rounding import Resolution
from shrinkage.pytorch.prox.shrink import Shrink
from shrinkage.pytorch.prox.soft import Scratch
from shrinkage.pytorch.sharding import is_sharded, local, piece_of, whole
from shrinkage.terms import Part


@dataclass(frozen=True, eq=False)
class Target:
    """One parameter of an optimizer, and the models along its leading axes (0: no such axis).

    `gathered` says that its pieces on several processes are worked on as one whole tensor.
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
            tensor = whole(tensor) if self.gathered else local(tensor)
        if self.stacked <= 1:
            return tensor
        return tensor.view(-1, *tensor.shape[self.stacked :])

    def put(self, view: torch.Tensor, tensor: torch.Tensor) -> None:
        """Write a view of a tensor back to it, where the view is a copy."""
        if self.gathered:
            local(tensor.detach()).copy_(piece_of(view, tensor))


@dataclass(frozen=True, eq=False)
class Tools:
    """What the updates of one attachment share."""

    optimizer: torch.optim.Optimizer
    scratch: Scratch


class Update:
    """What one parameter's terms do around a step; the base does nothing."""

    changes_gradient: ClassVar[bool] = False
    needs_loss: ClassVar[bool] = False

    def __init__(self, parts: Sequence[Part], target: Target, tools: Tools) -> None:
        self.makes_zeros = False
        self.target = target
        self.tools = tools
        self.parts = tuple(parts)

    def set_strengths(self, parts: Sequence[Part]) -> None:
        """Take the same parts with other strengths."""
        self.parts = tuple(parts)

    @property
    def acts_before(self) -> bool:
        """Whether `before` does anything at these strengths."""
        return False

    def before(self, moment: Moment) -> None:
        """Act before the optimizer moves."""

    def after(self, moment: Moment) -> None:
        """Act after the optimizer has moved."""

    def release(self) -> None:
        """Give back what `before` borrowed."""


def shrink(target: Target, route: Shrink, motion: Motion) -> None:
    w = target.view(target.parameter)
    if target.stacked:
        route(w, motion)
    else:
        target.resolution.shrink(route, w, motion)
    target.put(w, target.parameter)


def is_plain_l2(part: Part) -> bool:
    return part.is_decay


def spread(strength: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return one number per model in the dtype of `w`, shaped to broadcast over it."""
    return strength.to(w.device, w.dtype).view(-1, *(1,) * (w.ndim - 1))
