"""PyTorch loops whose step is not the same twice, not finite, or leads to a collapse."""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn import functional

from shrinkage import L1, L2
from tests.builders.torch_networks import half_squares, matrices
from tests.mutants.audit_faults.networks import (
    STRENGTH,
    Batch,
    Model,
    Optimizer,
    audited,
    in_the_loss,
    network,
)
from tests.mutants.audit_faults.records import Audited, TorchAudit, fault


@fault("pytorch", "not-repeatable")
def loader_that_goes_on() -> Audited:
    """Every call takes the next batch of a loader, so that two runs see different data."""
    seeds = itertools.count()

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        generator = torch.Generator().manual_seed(next(seeds))
        rows = torch.randperm(len(data[0]), generator=generator)[:4]
        optimizer.zero_grad()
        loss = functional.mse_loss(model(data[0][rows]), data[1][rows])
        (loss + scale * STRENGTH * half_squares(model)).backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@fault("pytorch", "not-finite", source="https://github.com/pytorch/pytorch/issues/2421")
def root_of_a_zero_group() -> Audited:
    """√Σw² of a unit that is zero already has the derivative 0·∞."""
    model = network()
    with torch.no_grad():
        matrices(model)[0][2] = 0.0

    def penalty(model: Model, strength: float):
        return strength * sum(w.square().sum(1).sqrt().sum() for w in matrices(model))

    return audited(in_the_loss(penalty), STRENGTH * L2(), model)


@fault("pytorch", "collapse")
def strength_of_one_over_all_weights() -> Audited:
    """Σ|w| with strength 1 under Adam: the published setting that ends at chance."""
    generator = torch.Generator().manual_seed(6)
    model = nn.Sequential(nn.Linear(20, 12), nn.ReLU(), nn.Linear(12, 10))
    with torch.no_grad():
        for w in matrices(model):
            w.copy_(0.1 * torch.randn(w.shape, generator=generator))
    x = torch.rand(10, 20, generator=generator)
    data = x, torch.arange(10)

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(data[0]), data[1])
        (loss + scale * sum(w.abs().sum() for w in matrices(model))).backward()
        optimizer.step()

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    return TorchAudit(model, optimizer, training_step, data, 1.0 * L1())
