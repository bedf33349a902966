"""Optimizers that move by the gradient or its running sums: SGD, ASGD, RMSprop, Adagrad, Adadelta.

Who uses this: the registry of metrics. Momentum: a constant gradient is amplified by the buffer,
so the shrink has to be amplified by the same gain, or the fixed point belongs to a smaller
strength. The gain follows the recursion of the buffer for a constant gradient of one.
"""

from __future__ import annotations

import math

import torch

from shrinkage.pytorch.optimizers.motion import Group, Moment, Motion


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


def sgd(moment: Moment, _noted: None = None) -> Motion:
    """Return lr."""
    return Motion(float(moment.group["lr"]))


def note_eta(moment: Moment, _parameter: torch.Tensor) -> float:
    """Return the step size η that ASGD has set at the end of its last step, at first lr."""
    return float(moment.state["eta"] if "eta" in moment.state else moment.group["lr"])


def asgd(_moment: Moment, noted: float) -> Motion:
    """Return η; the decay by ASGD's own `lambd` stays the user's."""
    return Motion(noted)


def rmsprop(moment: Moment, _noted: None = None) -> Motion:
    """Return lr / (√(v − m²) + ε), m being 0 unless it is centered."""
    group, state = moment.group, moment.state
    mean = state["grad_avg"] if group["centered"] else None
    return Motion(float(group["lr"]), state["square_avg"], mean, float(group["eps"]))


def adagrad(moment: Moment, _noted: None = None) -> Motion:
    """Return lr / (1 + (t − 1)·lr_decay) / (√Σg² + ε)."""
    group, state = moment.group, moment.state
    rate = float(group["lr"]) / (1 + (float(state["step"]) - 1) * float(group["lr_decay"]))
    return Motion(rate, state["sum"], None, float(group["eps"]))


def note_delta(moment: Moment, _parameter: torch.Tensor) -> torch.Tensor | float:
    """Return √(Δ + ε), Δ being Adadelta's running mean of squared steps, 0 at first."""
    epsilon, squares = float(moment.group["eps"]), moment.state.get("acc_delta")
    return math.sqrt(epsilon) if squares is None else squares.add(epsilon).sqrt_()


def adadelta(moment: Moment, noted: torch.Tensor | float) -> Motion:
    """Return lr·√(Δ + ε) / √(v + ε), with the Δ from before the step."""
    group = moment.group
    root = moment.state["square_avg"].add(float(group["eps"])).sqrt_()
    return Motion(float(group["lr"]), given=root.div_(noted))
