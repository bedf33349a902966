"""Decay that acts, in the gradient or beside it, under optimizers that no list knows."""

from __future__ import annotations

import torch
from torch import nn

from tests.mutants.audit_faults.networks import RATE, STRENGTH, batch, network, plain_step
from tests.mutants.audit_faults.own_decay import own
from tests.mutants.audit_faults.records import Audited, Loop, TorchAudit, loop
from tests.pytorch.audits.own_optimizers import (
    adaptive,
    behind,
    by_rate,
    implicit,
    in_gradient,
    momentum,
    plain,
    sign,
)

ACTING = tuple(
    Loop(
        f"own-decay-{way.__name__.replace('_', '-')}-{direction.__name__}",
        "pytorch",
        lambda way=way, direction=direction: own(way, direction),
    )
    for way in (in_gradient, by_rate, behind, implicit)
    for direction in (plain, sign, momentum, adaptive)
)


@loop("pytorch")
def muon_on_matrices() -> Audited:
    """Muon's decay is beside the gradient, whatever its step is scaled by."""
    model = nn.Sequential(*(layer for layer in network(torch.float32)))
    for layer in model:
        if isinstance(layer, nn.Linear):
            layer.bias = None
    optimizer = torch.optim.Muon(model.parameters(), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, plain_step, batch(torch.float32))
