"""PyTorch loops under an optimizer of one's own, whose weight_decay is not what it is called."""

from __future__ import annotations

from tests.mutants.audit_faults.networks import RATE, STRENGTH, batch, network, plain_step
from tests.mutants.audit_faults.records import Fault, TorchAudit
from tests.pytorch.audits.own_optimizers import (
    Direction,
    Own,
    Way,
    adaptive,
    forgotten,
    momentum,
    plain,
    sign,
    twice_in_gradient,
    without_rate,
)


def own(way: Way, direction: Direction) -> TorchAudit:
    """Audit a decay on matrices under an optimizer that no list knows."""
    model = network()
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": STRENGTH},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = Own(groups, RATE, 0.0, way=way, direction=direction)
    return TorchAudit(model, optimizer, plain_step, batch())


def named(name: str, rule: str, way: Way, direction: Direction) -> Fault:
    """Return the fault of a pair."""
    return Fault(name, "pytorch", (rule,), "", lambda: own(way, direction))


FORGOTTEN = tuple(
    named(f"decay-stored-and-never-used-{direction.__name__}", "no-effect", forgotten, direction)
    for direction in (plain, sign, momentum, adaptive)
)
OFF = (
    named("own-decay-twice-in-the-gradient", "wrong-factor", twice_in_gradient, momentum),
    named("own-decay-without-the-learning-rate", "wrong-factor", without_rate, sign),
)
