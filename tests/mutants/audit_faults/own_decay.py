"""PyTorch loops under an optimizer of one's own, whose weight_decay is not what it is called."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from tests.mutants.audit_faults.networks import RATE, STRENGTH, batch, network, plain_step
from tests.mutants.audit_faults.records import Fault, TorchAudit
from tests.pytorch.audits.own_optimizers import (
    Direction,
    Own,
    Way,
    adaptive,
    cautious,
    corrected,
    faint,
    forgotten,
    late,
    lazy,
    momentum,
    plain,
    rescaled,
    sign,
    tripled,
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


class Silenced(torch.optim.AdamW):
    """Keeps AdamW's step, and takes the decay away before it."""

    def _init_group(self, group: dict[str, Any], *arguments: Any) -> Any:
        group["weight_decay"] = 0.0
        return super()._init_group(group, *arguments)


def silenced() -> TorchAudit:
    """Audit AdamW without its decay."""
    model = network()
    optimizer = Silenced(model.parameters(), RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, plain_step, batch())


def otherwise(way: Way) -> tuple[Fault, ...]:
    """Return the faults of a rule that is neither λw in the gradient nor lr·λ·w beside it."""
    return tuple(
        Fault(
            f"own-decay-{way.__name__.replace('_', '-')}-{direction.__name__}",
            "pytorch",
            ("decays-otherwise",),
            "",
            partial(own, way, direction),
            severity="warning",
        )
        for direction in (sign, momentum, adaptive)
    )


OFF = (
    named("own-decay-twice-in-the-gradient", "wrong-factor", twice_in_gradient, momentum),
    Fault("a-known-optimizer-silenced", "pytorch", ("unlike-known",), "", silenced, "warning"),
    *(
        fault
        for way in (without_rate, cautious, corrected, tripled, faint, late, lazy)
        for fault in otherwise(way)
    ),
    *(fault for fault in otherwise(rescaled) if "momentum" not in fault.name),
)
