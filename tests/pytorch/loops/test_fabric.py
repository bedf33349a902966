"""Fabric's wrappers: names are the model's own, terms act once, an audit looks through."""

from __future__ import annotations

from typing import Any

import torch
from lightning.fabric import Fabric
from torch.optim import AdamW

from shrinkage import L1
from shrinkage.pytorch import audit, regularize
from tests.pytorch.small_training import loss_of, network

TERMS = (0.02 * L1()).on("0.*")


def set_up(**options: Any) -> tuple[Fabric, Any, Any, Any]:
    fabric = Fabric(accelerator="cpu", devices=1)
    model = network()
    wrapped, optimizer = fabric.setup(model, AdamW(model.parameters(), lr=0.01, **options))
    return fabric, model, wrapped, optimizer


def test_terms_act_as_without_fabric():
    fabric, model, wrapped, optimizer = set_up(weight_decay=0.0)
    plain: Any = network()
    other = AdamW(plain.parameters(), lr=0.01, weight_decay=0.0)
    attachment = regularize(optimizer, wrapped, TERMS)
    regularize(other, plain, TERMS)
    for _ in range(4):
        optimizer.zero_grad()
        fabric.backward(loss_of(wrapped))
        optimizer.step()
        other.zero_grad()
        loss_of(plain).backward()
        other.step()
    assert attachment.steps == 4
    assert attachment.table().splitlines()[1].startswith("0.weight")
    assert "_original_module" not in attachment.table()
    assert torch.equal(model[0].weight, plain[0].weight)


def test_a_step_is_audited_and_the_optimizer_stays_as_it_was():
    fabric, _, wrapped, optimizer = set_up(weight_decay=0.1)

    def training_step(model: Any, optimizer: Any, batch: Any) -> None:  # noqa: ARG001
        optimizer.zero_grad()
        fabric.backward(loss_of(model))
        optimizer.step()

    step = type(optimizer).step
    report = audit(wrapped, optimizer, training_step, None)
    assert report.ok, report
    assert report.update == "decoupled"
    assert {seen.parameter for seen in report.seen} >= {"0.weight", "3.bias"}
    assert type(optimizer).step is step
