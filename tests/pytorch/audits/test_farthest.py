"""The most that a prox takes from a weight in one step, and how soon weights can be zero."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch.optim import SGD, Adam, RMSprop

from shrinkage import L1, GroupLasso
from shrinkage.pytorch import audit, regularize
from tests.pytorch.audits.audited_networks import data, network, plain_step

RATE = 0.003


def audited(kind: Any, penalty: Any, update: str = "proximal", strength: float = 0.5) -> Any:
    model = network()
    optimizer = kind(model.parameters(), lr=RATE)
    regularize(optimizer, model, strength * penalty, update=update)
    return model, optimizer, audit(model, optimizer, plain_step, data())


@pytest.mark.parametrize("penalty", [L1(), GroupLasso()])
@pytest.mark.parametrize("kind", [Adam, RMSprop])
def test_the_bound_is_twice_what_the_optimizer_moves(kind: Any, penalty: Any) -> None:
    _, _, report = audited(kind, penalty)
    told = {one.parameter: one.farthest for one in report.seen}
    first = 1 if kind is Adam else 10  # RMSprop's first step is lr / √0.01
    assert told["0.weight"] == pytest.approx(2 * first * RATE, rel=1e-3)
    assert told["0.bias"] is None
    assert "most a step" in str(report)
    assert json.dumps(report.to_dict()["parameters"][0]).count("farthest") == 1


@pytest.mark.parametrize(("kind", "update"), [(SGD, "proximal"), (Adam, "decoupled")])
def test_a_scalar_step_has_no_bound(kind: Any, update: str) -> None:
    _, _, report = audited(kind, L1(), update)
    assert {one.farthest for one in report.seen} == {None}
    assert "most a step" not in str(report)


def test_no_weight_is_zero_sooner() -> None:
    """However strong: a weight w is there for |w| / (bound + Adam's own step) steps."""
    model, optimizer, report = audited(Adam, L1(), strength=100.0)
    bound = next(one.farthest for one in report.seen if one.parameter == "0.weight")
    weight = model.get_parameter("0.weight")
    before = weight.detach().clone()
    steps = int(before.abs().max() / (bound + RATE))
    for _ in range(steps):
        plain_step(model, optimizer, data())
    assert steps > 20
    assert weight.detach().abs().max() > 0
    assert float((before - weight.detach()).abs().max()) <= steps * (bound + RATE)
    for _ in range(steps):
        plain_step(model, optimizer, data())
    assert not torch.count_nonzero(weight)
