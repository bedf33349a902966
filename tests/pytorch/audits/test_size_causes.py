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


def wide() -> nn.Module:
    return settled(nn.Sequential(nn.Linear(INPUTS, 11), nn.Tanh(), nn.Linear(11, CLASSES)))


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


@pytest.mark.parametrize("name", CASES)
def test_the_cause_of_every_array(name: str) -> None:
    penalty, computed, kind = CASES[name]
    model = wide()
    step = step_with(computed, STRENGTH)
    report = audit(model, SGD(model.parameters(), lr=0.07), step, data(), STRENGTH * penalty)
    assert report.rules == ("wrong-factor",), str(report)
    assert [f.cause.kind for f in report.findings if f.cause] == [kind, kind], str(report)
