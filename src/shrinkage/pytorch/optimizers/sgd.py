"""SGD and ASGD: they move by the gradient, or by a buffer of gradients.

Momentum: a constant gradient is amplified by the buffer, so the shrink has to be amplified by the
same gain, or the fixed point belongs to a smaller strength. The gain follows the recursion of the
buffer for a constant gradient of one.
"""

from __future__ import annotations

import torch
from torch import optim

from shrinkage.pytorch.optimizers.base import OptimizerFacts, OwnDecay
from shrinkage.pytorch.optimizers.motion import Group, Metric, Moment, Motion


def buffer_gain(group: Group, previous: float | None) -> tuple[float, float | None]:
    """Return what the momentum buffer makes of a constant gradient of one, and the buffer.

    The buffer is 1 at first, then μ·buffer + (1 − dampening); Nesterov steps 1 + μ·buffer.
    """
    momentum = float(group["momentum"])
    if momentum == 0:
        return 1.0, previous  # as torch keeps the buffer until momentum is there again
    buffer = 1.0 if previous is None else momentum * previous + 1 - group.get("dampening", 0)
    return (1 + momentum * buffer if group.get("nesterov") else buffer), buffer


def sgd(moment: Moment, _noted: None = None) -> Motion:
    """Return lr."""
    return Motion(float(moment.group["lr"]))


def note_eta(moment: Moment, _parameter: torch.Tensor) -> float:
    """Return the step size η that ASGD has set at the end of its last step, at first lr."""
    return float(moment.state["eta"] if "eta" in moment.state else moment.group["lr"])


def asgd(_moment: Moment, noted: float) -> Motion:
    """Return η; the decay by ASGD's own `lambd` stays the user's."""
    return Motion(noted)


FACTS: dict[type[optim.Optimizer], OptimizerFacts] = {
    optim.SGD: OptimizerFacts(
        metric=Metric(sgd, buffer_gain, needs_state=False, scalar=True), own_decay=OwnDecay.COUPLED
    ),
    optim.ASGD: OptimizerFacts(
        metric=Metric(asgd, note=note_eta, scalar=True), own_decay=OwnDecay.COUPLED
    ),
}
