"""Adafactor, without a first moment: a diagonal metric, whose size follows the weights.

Its step is relative to the root mean square of the weights
before it, and clipped by that of the step itself; both are numbers, so the metric stays diagonal.
They are taken by the operations that torch takes them by, so that the metric is the one in which
the weights have moved.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import optim

from shrinkage.pytorch.optimizers.base import OptimizerFacts, OwnDecay
from shrinkage.pytorch.optimizers.motion import Metric, Moment, Motion


def note_size(_moment: Moment, parameter: torch.Tensor) -> tuple[float, torch.Tensor | None]:
    """Return the root mean square of the weights before the step, and the gradient."""
    return _root_mean_square(parameter.detach()), parameter.grad


def adafactor(moment: Moment, noted: tuple[float, torch.Tensor]) -> Motion:
    """Return α / max(1, rms(g/√v̂)/d) / √v̂, v̂ being the product of row and column means of g².

    α is max(ε2, rms(w))·min(lr, 1/√t). Its own weight decay comes after rms(w) has been taken.
    """
    group, state = moment.group, moment.state
    size, gradient = noted
    floor, least = group["eps"]
    floor = torch.finfo(gradient.dtype).eps if floor is None else float(floor)
    denominator = _variance(state, floor).clamp_(min=floor * floor).sqrt_()
    clip = _root_mean_square(gradient / denominator) / float(group["d"])
    rate = max(float(least), size) * min(float(group["lr"]), float(state["step"]) ** -0.5)
    rate /= max(1.0, clip)
    return Motion(rate, given=denominator, reach=rate, push=gradient)


def _variance(state: Any, floor: float) -> torch.Tensor:
    """Return the estimate of the squared gradient as a new tensor."""
    if "variance" in state:
        return state["variance"].clone()
    rows, columns = state["row_var"], state["col_var"]
    return (rows @ columns).div_(rows.mean(dim=-2, keepdim=True).clamp_(min=floor))


def _root_mean_square(tensor: torch.Tensor) -> float:
    return tensor.norm(2).item() / math.sqrt(tensor.numel())


FACTS: dict[type[optim.Optimizer], OptimizerFacts] = {
    optim.Adafactor: OptimizerFacts(
        metric=Metric(adafactor, note=note_size),
        own_decay=OwnDecay.DECOUPLED,
        adapts=True,
        sharding="its step in torch takes the norm of a shard for that of the whole",
    )
}
