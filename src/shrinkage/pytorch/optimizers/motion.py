"""How an optimizer has just moved: the step size of each weight, and the protocol to read it.

Who uses this: the metrics of the optimizers, and the shrinks that are measured in them. A motion
refers to the optimizer's own tensors wherever it can, so that reading one copies nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from shrinkage.terms import FARTHEST

# The smallest normal float32 number. Roots of exact zeros and of denormals, which weights without
# a gradient have, take 20 times as long as others on the CPU (709 against 36 µs for 131,072
# numbers, torch 2.13); √TINY = 1e-19 vanishes beside any epsilon in use.
TINY = torch.finfo(torch.float32).tiny

Group = Mapping[str, Any]
Gain = Callable[[Group, float | None], tuple[float, float | None]]


class Moment(NamedTuple):
    """What the optimizer knows of one parameter when it steps.

    `group` is its parameter group, `state` its state, and `scale` what a gradient scaler has
    multiplied the gradient by, 1 without one; `gradient` is the one by which it has just stepped.
    """

    group: Group
    state: Mapping[str, Any]
    scale: float = 1.0
    gradient: torch.Tensor | None = None


class Motion(NamedTuple):
    """The step size of each weight: rate / denominator.

    The denominator is `given` where that is there, else √(square − mean²) + epsilon where `square`
    is, else 1.

    Attributes:
        rate: the learning rate times what the optimizer multiplies all weights by, a number.
        square: running mean of the squared gradient, shaped like the parameter, not copied.
        mean: running mean of the gradient, where the optimizer subtracts its square.
        epsilon: what the optimizer adds to the root.
        given: a denominator that is ready, shaped like the parameter.
        reach: how far a weight moves whose gradient is steady: the learning rate where the
            denominator is the size of the gradient. No prox goes farther than twice that, or than
            twice what the weight has just moved. None where the step is in proportion to the
            gradient: no bound.
        push: what the step size was multiplied by, not copied: the mean of gradients or the
            gradient, up to `push_scale`; None where no step is longer than the reach.
        push_scale: a number for all weights.
        push_moves: whether the push is the movement itself, the step size being in it already.

    >>> Motion(0.1, torch.tensor([4.0]), epsilon=0.5).denominator()
    tensor([2.5000])
    """

    rate: float
    square: torch.Tensor | None = None
    mean: torch.Tensor | None = None
    epsilon: float = 0.0
    given: torch.Tensor | None = None
    reach: float | None = None
    push: torch.Tensor | None = None
    push_scale: float = 1.0
    push_moves: bool = False

    def each(self, view: Callable[[torch.Tensor], torch.Tensor]) -> Motion:
        """Return the motion with a view of each of its tensors."""
        square, mean, given, push = (
            None if tensor is None else view(tensor)
            for tensor in (self.square, self.mean, self.given, self.push)
        )
        return self._replace(square=square, mean=mean, given=given, push=push)

    def amplified(self, gain: float) -> Motion:
        """Return the motion of an optimizer that adds up steps of this one."""
        if gain == 1:
            return self
        reach = None if self.reach is None else self.reach * gain
        scale = self.push_scale if self.push_moves else self.push_scale / gain
        return self._replace(rate=self.rate * gain, reach=reach, push_scale=scale)

    @property
    def farthest(self) -> float:
        """How far a prox may bring a weight that has just moved no farther than the reach."""
        return math.inf if self.reach is None else FARTHEST * self.reach

    def reaches(self) -> float | torch.Tensor | None:
        """Return the reach, of each weight where some have just moved farther."""
        if self.reach is None or self.push is None:
            return self.reach
        moved = self.push.to(_wide(self.push)).abs() * self.push_scale
        if not self.push_moves:
            denominator = self.denominator()
            moved.mul_(self.rate)
            moved = moved if denominator is None else moved.div_(denominator)
        return moved.clamp_min_(self.reach)

    def denominator(self) -> torch.Tensor | None:
        """Return the denominator as a new tensor, at least in float32; None where it is one."""
        if self.given is not None:
            return self.given.to(_wide(self.given), copy=True)
        if self.square is None:
            return None
        square = self.square.to(_wide(self.square))
        if self.mean is not None:
            mean = self.mean.to(square.dtype)
            square = square.addcmul(mean, mean, value=-1)
        return square.clamp_min(TINY).sqrt_().add_(self.epsilon)


def no_gain(_group: Group, _previous: float | None) -> tuple[float, float | None]:
    """Return a gain of one: the optimizer adds nothing up, or divides by its own sum of weights."""
    return 1.0, None


def nothing(_moment: Moment, _parameter: torch.Tensor) -> None:
    """Note nothing: the state after the step tells all."""


class ByStep(NamedTuple):
    """A motion whose numbers follow from the group and the step, whichever the parameter.

    `numbers(group, step)` returns it without tensors, `square(group)` and `push` name these in a
    parameter's state: what holds of many parameters need be computed only once.
    """

    numbers: Callable[[Group, float], Motion]
    square: Callable[[Group], str]
    push: str

    def motion(self, moment: Moment, _noted: None = None) -> Motion:
        """Return the motion of one parameter."""
        group, state = moment.group, moment.state
        numbers = self.numbers(group, float(state["step"]))
        return numbers._replace(square=state[self.square(group)], push=state[self.push])


@dataclass(frozen=True)
class Metric:
    """How one class of optimizers moves, and what it makes of a constant gradient of one.

    Args:
        motion: `motion(moment, noted)` just after a step returns its `Motion`.
        gain: from the group and the buffer of a constant gradient of one before this step to its
            gain and the buffer after it.
        note: `note(moment, parameter)` just before a step returns what `motion` needs of then.
        needs_state: whether `motion` reads the optimizer's state, which is there after one step.
        scalar: whether all weights of a group move by one step size.
        by_step: the same as `motion`, taken apart, where that can be.

    >>> plain = Metric(lambda moment, noted=None: Motion(moment.group["lr"]))
    >>> plain.motion(Moment({"lr": 0.1}, {})).rate
    0.1
    """

    motion: Callable[..., Motion]
    gain: Gain = no_gain
    note: Callable[[Moment, torch.Tensor], Any] = nothing
    needs_state: bool = True
    scalar: bool = False
    by_step: ByStep | None = None

    def steady_buffer(self, moment: Moment) -> float | None:
        """Return the buffer that a run already under way has reached, None at its start."""
        group = moment.group
        if moment.state.get("momentum_buffer") is None or not group.get("momentum"):
            return None
        momentum = float(group["momentum"])
        return (1 - group.get("dampening", 0)) / (1 - momentum) if momentum < 1 else None


def _wide(tensor: torch.Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float32)
