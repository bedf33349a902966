"""A `scale` that multiplies the data loss: one finding says so, and none what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam

from shrinkage import L2
from shrinkage.pytorch import audit
from tests.pytorch.audits.audited_networks import data, network

STRENGTH = 0.01
Mix = Callable[[Any, Any, float], Any]
MIXES: dict[str, tuple[Mix, str]] = {
    "whole": (lambda loss, penalty, s: s * (loss + STRENGTH * penalty), "gradient is 0"),
    "convex": (
        lambda loss, penalty, s: (1 - s * STRENGTH) * loss + s * STRENGTH * penalty,
        "is 0.99 times",
    ),
    "divided": (
        lambda loss, penalty, s: (loss + s * STRENGTH * penalty) / (1 + s),
        "is 0.5 times",
    ),
}


def step_of(mix: Mix) -> Any:
    """Return a step on a mix of data loss and penalty."""

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        penalty = sum(w.square().sum() / 2 for w in model.parameters() if w.ndim > 1)
        mix(nn.functional.cross_entropy(model(batch[0]), batch[1]), penalty, scale).backward()
        optimizer.step()

    return step


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("name", MIXES)
def test_one_finding_says_so(name: str, kind: Any) -> None:
    mix, words = MIXES[name]
    model = network()
    optimizer = kind(model.parameters(), lr=0.01)
    report = audit(model, optimizer, step_of(mix), data(), STRENGTH * L2())
    (said,) = report.findings
    assert said.rule == "not-linear"
    assert words in said.message
    assert "the penalty alone" in said.remedy


def test_a_network_without_other_parameters() -> None:
    model = nn.Sequential(nn.Linear(20, 8, bias=False), nn.Tanh(), nn.Linear(8, 3, bias=False))
    batch = torch.randn(12, 20), torch.arange(12) % 3
    step = step_of(MIXES["whole"][0])
    report = audit(model, SGD(model.parameters(), lr=0.01), step, batch, STRENGTH * L2())
    assert [said.message[:7] for said in report.findings] == ["`scale`"], report


def test_a_bias_in_the_penalty_is_none_of_it() -> None:
    model = network()

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        penalty = sum(w.square().sum() / 2 for w in model.parameters())
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        (loss + scale * STRENGTH * penalty).backward()
        optimizer.step()

    report = audit(model, SGD(model.parameters(), lr=0.01), step, data(), STRENGTH * L2())
    assert "unselected-changed" in report.rules, report
