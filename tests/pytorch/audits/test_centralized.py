"""Gradients that lose the mean of every unit (gradient centralization), a penalty with them.

Yong et al., Gradient centralization (ECCV 2020).
"""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn
from torch.optim import SGD, Adam, AdamW

from shrinkage import L2
from shrinkage.pytorch import audit
from tests.pytorch.audits.audited_networks import data, decayed, network, plain_step, where

STRENGTH = 0.02
WEIGHTS = {"0.weight", "2.weight"}


def centralizing(factor: float, *, behind: bool) -> Any:
    """Return a step that centralizes gradients, the penalty in the loss or added behind that."""

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        matrices = [p for p in model.parameters() if p.ndim > 1]
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        strength = factor * scale * STRENGTH
        (loss + (not behind) * strength * sum(p.square().sum() / 2 for p in matrices)).backward()
        for p in matrices:
            assert p.grad is not None
            p.grad.sub_(p.grad.mean(dim=1, keepdim=True))
            p.grad.add_(p.detach(), alpha=behind * strength)
        optimizer.step()

    return step


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("factor", [1, 3])
def test_a_penalty_that_loses_its_mean_with_the_gradients(kind: Any, factor: float) -> None:
    model = network()
    step = centralizing(factor, behind=False)
    report = audit(model, kind(model.parameters(), lr=0.01), step, data(), STRENGTH * L2())
    assert report.ok == (factor == 1), report
    assert where(report, "wrong-direction") == WEIGHTS
    assert where(report, "wrong-factor") == (WEIGHTS if factor > 1 else set())
    factors = [seen.factor for seen in report.seen if seen.expected]
    assert factors == pytest.approx([factor, factor], rel=1e-3)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_a_penalty_behind_the_centralization_keeps_its_mean(kind: Any) -> None:
    model = network()
    step = centralizing(1, behind=True)
    report = audit(model, kind(model.parameters(), lr=0.01), step, data(), STRENGTH * L2())
    assert report.ok, report
    assert not where(report, "wrong-direction")


def test_gradients_without_a_mean_of_their_own_hide_nothing() -> None:
    """Inputs of mean 0 make them; the penalty keeps its mean."""

    class Centred(nn.Module):
        def forward(self, x: Any) -> Any:
            return x - x.mean(dim=1, keepdim=True)

    model = nn.Sequential(Centred(), *network())
    for kind in (SGD, AdamW):
        report = audit(model, decayed(model, kind), plain_step, data())
        assert report.ok, report
        assert not where(report, "wrong-direction"), report


def test_what_the_step_itself_lets_train_is_decayed_as_its_group_says() -> None:
    def step(model: Any, optimizer: Any, batch: Any) -> None:
        model[0].weight.requires_grad_(True)
        plain_step(model, optimizer, batch)

    model = network()
    model[0].weight.requires_grad_(False)
    report = audit(model, decayed(model), step, data())
    assert report.ok, report
    assert [seen.parameter for seen in report.seen if seen.expected] == ["0.weight", "2.weight"]
