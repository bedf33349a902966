"""The metric in which each optimizer moves: what a proximal step must be measured in.

Who uses this: the proximal update. An optimizer that moves by −D·gradient, D diagonal, solves
the penalised problem when the prox that follows is taken in the same D. `METRICS` is the one
registry: optimizer class → how to read D from its group and state, just after its step.

Momentum: a constant gradient is amplified by the buffer, so the shrink has to be amplified by the
same gain, or the fixed point belongs to a smaller strength. The gain follows the recursion of the
buffer for a constant gradient of one.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import optim

from shrinkage.errors import UnsupportedOptimizer

# The smallest normal float32 number. Roots of exact zeros and of denormals, which weights without
# a gradient have, take 20 times as long as others on the CPU (709 against 36 µs for 131,072
# numbers, torch 2.13); √TINY = 1e-19 vanishes beside any epsilon in use.
TINY = torch.finfo(torch.float32).tiny

Group = Mapping[str, Any]
Gain = Callable[[Group, float | None], tuple[float, float | None]]


@dataclass(frozen=True, eq=False)
class Moment:
    """What the optimizer knows of one parameter when it steps.

    `group` is its parameter group, `state` its state, and `scale` what a gradient scaler has
    multiplied the gradient by, 1 without one.
    """

    group: Group
    state: Mapping[str, Any]
    scale: float = 1.0


@dataclass(frozen=True)
class Motion:
    """The step size of each weight: rate, or rate / (√(square − mean²) + epsilon) where square is.

    `rate` is the learning rate (× the root of the bias correction), a number.
    """

    rate: float
    square: torch.Tensor | None = None
    mean: torch.Tensor | None = None
    epsilon: float = 0.0

    def denominator(self) -> torch.Tensor | None:
        """Return √(square − mean²) + epsilon as a new tensor, None where it is one."""
        if self.square is None:
            return None
        square = self.square.to(torch.promote_types(self.square.dtype, torch.float32))
        if self.mean is not None:
            square = square.addcmul(self.mean, self.mean, value=-1)
        return square.clamp_min(TINY).sqrt_().add_(self.epsilon)


def no_gain(_group: Group, _previous: float | None) -> tuple[float, float | None]:
    """Return a gain of one: the optimizer adds nothing up, or divides by its own sum of weights."""
    return 1.0, None


def buffer_gain(group: Group, previous: float | None) -> tuple[float, float | None]:
    """Return what the momentum buffer makes of a constant gradient of one, and the buffer.

    The buffer is 1 at first, then μ·buffer + (1 − dampening); Nesterov steps 1 + μ·buffer.
    """
    momentum = float(group["momentum"])
    if momentum == 0:
        return 1.0, None
    buffer = 1.0 if previous is None else momentum * previous + 1 - group.get("dampening", 0)
    return (1 + momentum * buffer if group.get("nesterov") else buffer), buffer


def rmsprop_gain(group: Group, previous: float | None) -> tuple[float, float | None]:
    """Return the gain of RMSprop's buffer, which is 0 before the first gradient."""
    momentum = float(group["momentum"])
    if momentum == 0:
        return 1.0, None
    buffer = momentum * (previous or 0.0) + 1
    return buffer, buffer


@dataclass(frozen=True)
class Metric:
    """How one class of optimizers moves, and what it makes of a constant gradient of one."""

    motion: Callable[[Moment], Motion]
    gain: Gain = no_gain

    def steady_buffer(self, moment: Moment) -> float | None:
        """Return the buffer that a run already under way has reached, None at its start."""
        group = moment.group
        if moment.state.get("momentum_buffer") is None or not group.get("momentum"):
            return None
        momentum = float(group["momentum"])
        return (1 - group.get("dampening", 0)) / (1 - momentum) if momentum < 1 else None


def _sgd(moment: Moment) -> Motion:
    return Motion(float(moment.group["lr"]))


def _adam(moment: Moment) -> Motion:
    group, state = moment.group, moment.state
    root = math.sqrt(1 - float(group["betas"][1]) ** float(state["step"]))
    square = state["max_exp_avg_sq" if group["amsgrad"] else "exp_avg_sq"]
    return Motion(float(group["lr"]) * root, square, None, float(group["eps"]) * root)


def _rmsprop(moment: Moment) -> Motion:
    group, state = moment.group, moment.state
    mean = state["grad_avg"] if group["centered"] else None
    return Motion(float(group["lr"]), state["square_avg"], mean, float(group["eps"]))


def _adagrad(moment: Moment) -> Motion:
    group, state = moment.group, moment.state
    rate = float(group["lr"]) / (1 + (float(state["step"]) - 1) * float(group["lr_decay"]))
    return Motion(rate, state["sum"], None, float(group["eps"]))


METRICS: dict[type[optim.Optimizer], Metric] = {
    optim.SGD: Metric(_sgd, buffer_gain),
    optim.Adam: Metric(_adam),
    optim.AdamW: Metric(_adam),
    optim.RMSprop: Metric(_rmsprop, rmsprop_gain),
    optim.Adagrad: Metric(_adagrad),
}


def metric_of(optimizer: optim.Optimizer) -> Metric:
    """Return the metric of an optimizer.

    Args:
        optimizer: of a class in `METRICS`, or of a subclass that keeps its `step`.

    Returns:
        The `Metric`.

    Raises:
        UnsupportedOptimizer: the class is not known, so neither is its metric.

    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> metric_of(torch.optim.SGD([weight], lr=0.1)) is METRICS[torch.optim.SGD]
    True

    Source: proximal Newton-type methods, Lee, Sun and Saunders, SIAM J. Optim. 24 (2014); the
    state of each optimizer is read as torch.optim's documentation of its algorithm writes it.
    """
    steps = inspect.unwrap(type(optimizer).step)
    for base in type(optimizer).__mro__:
        if base in METRICS and inspect.unwrap(base.step) is steps:
            return METRICS[base]
    names = ", ".join(known.__name__ for known in METRICS)
    raise UnsupportedOptimizer(
        f"expected one of {names} for update='proximal', came {type(optimizer).__name__}, whose "
        "metric is not known: use update='decoupled', 'gradient' or 'loss'"
    )
