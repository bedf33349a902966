"""Shrinks that attached terms hold back, since rounding would make them wrong, are no absence."""

from __future__ import annotations

import pytest
import torch
from torch import nn, optim

from shrinkage import L2
from shrinkage.pytorch import audit, regularize

OPTIMIZERS = {
    "adamw": lambda model, rate: optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0),
    "sgd": lambda model, rate: optim.SGD(model.parameters(), lr=rate),
}


def training_step(model, optimizer, batch):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
    optimizer.step()


@pytest.mark.parametrize(("rate", "strength"), [(1e-4, 1e-2), (1e-3, 1e-3), (1e-4, 2e-2)])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_held_back_is_told_and_no_error(name, rate, strength):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = OPTIMIZERS[name](model, rate)
    regularize(optimizer, model, strength * L2(), "decoupled")
    batch = torch.randn(64, 20), torch.randint(0, 3, (64,))
    report = audit(model, optimizer, training_step, batch)
    assert report.ok
    assert report.rules == ("below-resolution",)
    assert {said.severity for said in report.findings} == {"info"}
