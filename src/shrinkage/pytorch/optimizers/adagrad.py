"""Adagrad and what followed from it: RMSprop and Adadelta, which forget old squares."""

from __future__ import annotations

import math

import torch
from torch import optim

from shrinkage.pytorch.optimizers.base import OptimizerFacts, OwnDecay
from shrinkage.pytorch.optimizers.motion import Group, Metric, Moment, Motion


def rmsprop_gain(group: Group, previous: float | None) -> tuple[float, float | None]:
    """Return the gain of RMSprop's buffer, which is 0 before the first gradient."""
    momentum = float(group["momentum"])
    if momentum == 0:
        return 1.0, previous
    buffer = momentum * (previous or 0.0) + 1
    return buffer, buffer


def rmsprop(moment: Moment, _noted: None = None) -> Motion:
    """Return lr / (√(v − m²) + ε), m being 0 unless it is centered."""
    group, state = moment.group, moment.state
    rate, mean = float(group["lr"]), state["grad_avg"] if group["centered"] else None
    motion = Motion(rate, state["square_avg"], mean, float(group["eps"]), reach=rate)
    if not group["momentum"]:
        return motion._replace(push=moment.gradient)
    return motion._replace(push=state["momentum_buffer"], push_scale=rate, push_moves=True)


def adagrad(moment: Moment, _noted: None = None) -> Motion:
    """Return lr / (1 + (t − 1)·lr_decay) / (√Σg² + ε)."""
    group, state = moment.group, moment.state
    rate = float(group["lr"]) / (1 + (float(state["step"]) - 1) * float(group["lr_decay"]))
    return Motion(rate, state["sum"], None, float(group["eps"]), reach=rate)


def note_delta(moment: Moment, _parameter: torch.Tensor) -> torch.Tensor | float:
    """Return √(Δ + ε), Δ being Adadelta's running mean of squared steps, 0 at first."""
    epsilon, squares = float(moment.group["eps"]), moment.state.get("acc_delta")
    return math.sqrt(epsilon) if squares is None else squares.add(epsilon).sqrt_()


def adadelta(moment: Moment, noted: torch.Tensor | float) -> Motion:
    """Return lr·√(Δ + ε) / √(v + ε), with the Δ from before the step."""
    group, rate = moment.group, float(moment.group["lr"])
    root = moment.state["square_avg"].add(float(group["eps"])).sqrt_()
    # what a steady gradient moves follows Δ, which starts at 0 and grows by what has been moved
    reach = rate * math.sqrt(float(group["eps"]))
    return Motion(rate, given=root.div_(noted), reach=reach, push=moment.gradient)


def _adaptive(metric: Metric) -> OptimizerFacts:
    return OptimizerFacts(metric=metric, own_decay=OwnDecay.COUPLED, adapts=True)


FACTS: dict[type[optim.Optimizer], OptimizerFacts] = {
    optim.RMSprop: _adaptive(Metric(rmsprop, rmsprop_gain)),
    optim.Adagrad: _adaptive(Metric(adagrad)),
    optim.Adadelta: _adaptive(Metric(adadelta, note=note_delta)),
}
