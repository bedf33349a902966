"""A penalty of one's own that is off by a number of the weights themselves: the number is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD

from shrinkage import L1, L2, GroupLasso
from shrinkage.audits.judging.causes import CauseKind
from shrinkage.pytorch import audit
from tests.builders.torch_networks import matrices, settled
from tests.pytorch.audits.audited_networks import CLASSES, INPUTS, data, step_with

STRENGTH = 0.05
Penalty = Callable[[nn.Module], Any]


def wide() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(INPUTS, 11), nn.Tanh(), nn.Linear(11, CLASSES))
    settled(model)
    return model


def summed(of_one: Callable[[torch.Tensor], Any]) -> Penalty:
    return lambda model: sum(of_one(w) for w in matrices(model))


CASES = {
    "mean of squares": (L2(), summed(lambda w: w.square().mean()), CauseKind.MEAN),
    "mean of values": (L1(), summed(lambda w: w.abs().mean()), CauseKind.MEAN),
    "norm": (L2(), summed(lambda w: w.norm()), CauseKind.NORM),
    "norm of all": (
        L2(),
        lambda model: torch.cat([w.flatten() for w in matrices(model)]).norm(),
        CauseKind.NORM,
    ),
    "group": (
        GroupLasso(per="output"),
        summed(lambda w: w.norm(dim=1).sum()),
        CauseKind.NO_ROOT,
    ),
    "whole squares": (L2(), summed(lambda w: w.square().sum()), CauseKind.TWICE),
}


REMEDIES = {"norm": "square it: ½‖w‖²", "group": "√|g|", "mean of squares": "take the sum"}


@pytest.mark.parametrize("name", REMEDIES)
def test_the_remedy_is_that_of_the_cause(name: str) -> None:
    """A number that mends it at these weights is wrong a step later."""
    penalty, computed, _ = CASES[name]
    model = wide()
    step = step_with(computed, STRENGTH)
    report = audit(model, SGD(model.parameters(), lr=0.07), step, data(), STRENGTH * penalty)
    assert all(REMEDIES[name] in said.remedy for said in report.findings), str(report)
    assert "multiply the strength" not in str(report)


def decay_by(rate_of: Callable[[list[Any]], float]) -> Any:
    """Return a step with a decay by hand, by a rate that is taken of the groups."""

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        rate = rate_of(optimizer.param_groups)
        with torch.no_grad():
            for w in matrices(model):
                w.mul_(1 - rate * STRENGTH * scale)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
        optimizer.step()

    return step


@pytest.mark.parametrize(("first", "second"), [(0.07, 0.007), (0.007, 0.07), (0.04, 0.02)])
def test_the_rate_of_another_group(first: float, second: float) -> None:
    model = wide()
    own = [
        {"params": list(layer.parameters()), "lr": rate}
        for layer, rate in zip((model[0], model[2]), (first, second), strict=True)
    ]
    step = decay_by(lambda groups: groups[0]["lr"])
    report = audit(model, SGD(own, lr=0.1), step, data(), STRENGTH * L2())
    (said,) = report.findings
    assert said.parameter == "2.weight"
    assert said.cause is not None
    assert said.cause.kind is CauseKind.OTHER_RATE
    assert f"({first:g}) in place of its own ({second:g})" in said.message
    assert "group that holds" in said.remedy


def test_a_factor_that_all_groups_have_is_no_rate() -> None:
    model = wide()
    own = [{"params": list(model[n].parameters()), "lr": r} for n, r in ((0, 0.04), (2, 0.02))]

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        with torch.no_grad():
            for group in optimizer.param_groups:
                for w in (w for w in group["params"] if w.ndim > 1):
                    w.mul_(1 - 2 * group["lr"] * STRENGTH * scale)
        decay_by(lambda _: 0.0)(model, optimizer, batch, scale)

    report = audit(model, SGD(own, lr=0.1), step, data(), STRENGTH * L2())
    assert [f.cause.kind for f in report.findings if f.cause] == [CauseKind.TWICE] * 2, str(report)


@pytest.mark.parametrize("name", CASES)
def test_the_cause_of_every_array(name: str) -> None:
    penalty, computed, kind = CASES[name]
    model = wide()
    step = step_with(computed, STRENGTH)
    report = audit(model, SGD(model.parameters(), lr=0.07), step, data(), STRENGTH * penalty)
    assert report.rules == ("wrong-factor",), str(report)
    assert [f.cause.kind for f in report.findings if f.cause] == [kind, kind], str(report)
