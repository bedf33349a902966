"""Layers all of whose weights are zero: lost, or zero to begin with."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam

from shrinkage import L1, L2
from shrinkage.pytorch import audit, regularize
from tests.builders.torch_networks import Adapted
from tests.pytorch.audits.audited_networks import data, network, plain_step

STRENGTH = 1e-3
TERM = STRENGTH * L1()


class Residual(nn.Module):
    """A hidden layer and a branch beside it, which may be gone."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.branch, self.head = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(self.into(x))
        return self.head(hidden + self.branch(hidden))


def audited(model: nn.Module, kind: Any = SGD, term: Any = TERM) -> Any:
    optimizer = kind((p for p in model.parameters() if p.requires_grad), lr=0.01)
    regularize(optimizer, model, term, update="proximal")
    return audit(model, optimizer, plain_step, data())


def zeroed(model: nn.Module, *names: str) -> nn.Module:
    with torch.no_grad():
        for name in names:
            model.get_parameter(name).zero_()
    return model


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("names", [("0.weight", "2.weight"), ("0.weight", "2.weight", "4.weight")])
def test_layers_that_are_gone(kind: Any, names: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    deep = nn.Sequential(
        nn.Linear(6, 8, bias=False),
        nn.ReLU(),
        nn.Linear(8, 8, bias=False),
        nn.ReLU(),
        nn.Linear(8, 3),
    )
    report = audited(zeroed(deep, *names), kind)
    (said,) = [one for one in report.findings if one.rule == "collapse"]
    assert said.severity == "error"
    assert all(name in said.message for name in names), said.message
    assert "are 0 already" in said.message


def test_a_layer_that_is_gone_cuts_off_those_before_it() -> None:
    report = audited(zeroed(network(), "2.weight"), term=10.0 * L1())
    (said,) = [one for one in report.findings if one.rule == "collapse"]
    assert "2.weight" in said.message
    assert "0.weight" in said.message


def test_a_branch_that_is_gone_is_no_error() -> None:
    torch.manual_seed(0)
    report = audited(zeroed(Residual(), "branch.weight"), term=(10.0 * L1()).on("branch.*"))
    (said,) = [one for one in report.findings if "already" in one.message]
    assert (said.rule, said.severity) == ("collapse", "warning"), report
    assert "branch.weight" in said.message


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("term", [1e-4 * L1(), STRENGTH * L2()])
def test_a_layer_that_is_zero_to_begin_with(kind: Any, term: Any) -> None:
    torch.manual_seed(0)
    assert "collapse" not in audited(Adapted(), kind, term).rules


def test_a_layer_that_one_step_takes() -> None:
    model = network()
    with torch.no_grad():
        model.get_parameter("2.weight").mul_(1e-4)
    report = audited(model, term=(1.0 * L1()).on("2.weight"))
    (said,) = [one for one in report.findings if one.rule == "collapse"]
    assert "after this step" in said.message
    assert "2.weight" in said.message
