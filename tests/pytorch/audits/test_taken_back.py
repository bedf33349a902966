"""Loops that take back a part of every step, as one that trains on a moving average does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW

from shrinkage import L2
from shrinkage.pytorch import audit
from tests.pytorch.audits.audited_networks import data, network, where

STRENGTH = 0.02
WEIGHTS = {"0.weight", "2.weight"}


def averaging(share: float, factor: float, apart: float) -> tuple[nn.Module, Any]:
    """Return a network, and a step that overwrites its weights by their moving average."""
    model = network()
    averages = [p.detach() + apart * torch.randn_like(p) for p in model.parameters()]

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        squares = sum(p.square().sum() / 2 for p in model.parameters() if p.ndim > 1)
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        (loss + factor * scale * STRENGTH * squares).backward()
        optimizer.step()
        with torch.no_grad():
            for average, p in zip(averages, model.parameters(), strict=True):
                p.copy_(average.lerp_(p, share))

    return model, step


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("share", [0.5, 0.01])
@pytest.mark.parametrize("apart", [0.0, 0.01])
def test_weights_that_are_set_to_their_average(kind: Any, share: float, apart: float) -> None:
    model, step = averaging(share, 1.0, apart)
    report = audit(model, kind(model.parameters(), lr=0.01), step, data(), STRENGTH * L2())
    assert report.ok, report
    assert where(report, "wrong-factor") == WEIGHTS
    assert all(f"{share:.2g} of the step is left" in s.message for s in report.findings[:2])
    assert [seen.factor for seen in report.seen if seen.expected] == pytest.approx([1, 1], rel=1e-3)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_a_wrong_factor_is_told_all_the_same(kind: Any) -> None:
    model, step = averaging(0.01, 2.0, 0.01)
    report = audit(model, kind(model.parameters(), lr=0.01), step, data(), STRENGTH * L2())
    errors = [said for said in report.findings if said.severity == "error"]
    assert {(said.rule, said.parameter) for said in errors} == {
        ("wrong-factor", name) for name in WEIGHTS
    }
    assert [seen.factor for seen in report.seen if seen.expected] == pytest.approx([2, 2], rel=1e-3)


def test_a_decoupled_decay_is_judged_beside_its_step() -> None:
    model, with_penalty = averaging(0.1, 0.0, 0.0)
    optimizer = AdamW([p for p in model.parameters() if p.ndim > 1], lr=0.01, weight_decay=0.1)
    report = audit(model, optimizer, with_penalty, data(), 0.1 * L2())
    assert report.ok, report
    assert report.update == "decoupled"
    factors = [seen.factor for seen in report.seen if seen.expected]
    assert factors == pytest.approx([1, 1], rel=0.05)


def test_a_penalty_by_hand_between_the_step_and_the_average() -> None:
    model = network()
    averages = [p.detach().clone() for p in model.parameters()]

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
        optimizer.step()
        with torch.no_grad():
            for average, p in zip(averages, model.parameters(), strict=True):
                p.mul_(1 - 0.1 * scale * STRENGTH * (p.ndim > 1))
                p.copy_(average.lerp_(p, 0.1))

    report = audit(model, SGD(model.parameters(), lr=0.1), step, data(), STRENGTH * L2())
    assert report.ok, report
    assert report.update == "decoupled"


def test_a_clamp_takes_no_single_share_back() -> None:
    def step(model: nn.Module, optimizer: Any, batch: Any) -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
        optimizer.step()
        with torch.no_grad():
            for p in model.parameters():
                p.clamp_(-0.05, 0.05)

    model = network()
    matrices = [p for p in model.parameters() if p.ndim > 1]
    report = audit(model, SGD(matrices, lr=0.1, weight_decay=STRENGTH), step, data())
    assert not where(report, "wrong-factor"), report


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("names", [WEIGHTS, {"2.weight"}])
def test_weights_that_a_loop_puts_back(kind: Any, names: set[str]) -> None:
    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        before = {name: model.get_parameter(name).detach().clone() for name in names}
        optimizer.zero_grad()
        squares = sum(p.square().sum() / 2 for p in model.parameters() if p.ndim > 1)
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        (loss + scale * STRENGTH * squares).backward()
        optimizer.step()
        model.load_state_dict(before, strict=False)

    model = network()
    report = audit(model, kind(model.parameters(), lr=0.1), step, data(), STRENGTH * L2())
    errors = [said for said in report.findings if said.severity == "error"]
    rule = "no-effect" if names == WEIGHTS else "selected-unchanged"
    assert [said.rule for said in errors] == [rule], report
    assert "in the place of the stepped" in errors[0].message
    assert errors[0].parameter == ("" if names == WEIGHTS else "2.weight")
