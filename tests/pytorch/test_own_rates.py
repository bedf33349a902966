"""Optimizers that find their own learning rate: decoupled terms shrink by that rate."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW

from shrinkage import L1, L2
from shrinkage.pytorch import audit, regularize
from shrinkage.pytorch.optimizers.own_rates import own_rates
from tests.builders.torch_networks import settled
from tests.pytorch.audits.audited_networks import data, network, plain_step

FIRST, DECAY = 1e-4, 0.05


class FindsItsRate(torch.optim.Optimizer):
    """Steps by lr·d along signs, d being raised as Prodigy raises it; its decay goes by lr·d."""

    def __init__(self, parameters: Any, *, tensor: bool = False, **options: Any) -> None:
        d = torch.tensor([FIRST], dtype=torch.float64) if tensor else FIRST
        first = {"lr": 1.0, "weight_decay": 0.0, "d": d, "d0": FIRST, "k": 0, "trust": 0.5}
        super().__init__(parameters, first | options)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ARG002
        for group in self.param_groups:
            rate = group["lr"] * group["d"]
            for w in group["params"]:
                if w.grad is not None:
                    w.mul_(1 - rate * group["weight_decay"])
                    w.sub_(rate * 2 * group["trust"] * w.grad.sign())
            group["d"] = group["d"] * 1.4 if group["k"] < 12 else group["d"]
            group["k"] += 1


class KeepsLists(FindsItsRate):
    """Notes beside its state what it has done, and for which weights, as some optimizers do."""

    def __init__(self, parameters: Any, **options: Any) -> None:
        super().__init__(parameters, **options)
        self.rates: list[float] = []
        self.steps = {w: 0 for group in self.param_groups for w in group["params"]}

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        self.rates.append(self.param_groups[0]["d"])
        for w in self.steps:
            self.steps[w] += 1
            assert w.grad is not None
        super().step(closure)


class NotesSums(FindsItsRate):
    """Raises d by sums that its steps note in the groups, which do not raise it any more."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            group["sum"] = group.get("sum", 0.0) + 1.0
            group["k"] = 12 if group["sum"] > 10 else 0
        super().step(closure)


class HasAConstant(SGD):
    """Multiplies its rate by a number that no step changes, as LARS has one."""

    def __init__(self, parameters: Any, **options: Any) -> None:
        super().__init__(parameters, **options)
        self.param_groups[0]["trust"] = 0.5

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002
        for group in self.param_groups:
            for w in group["params"]:
                w.sub_(group["lr"] * group["trust"] * w.grad)


def trained(**options: Any) -> tuple[nn.Module, Any]:
    """Return a network whose matrices decay, by the optimizer's own decay or by a term."""
    own, tensor = options["own"], options.get("tensor", False)
    model = network().double()
    matrices = [w for w in model.parameters() if w.ndim > 1]
    rest = [w for w in model.parameters() if w.ndim < 2]
    groups = [{"params": matrices, "weight_decay": DECAY if own else 0.0}, {"params": rest}]
    optimizer = FindsItsRate(groups, tensor=tensor)
    if not own:
        regularize(optimizer, model, DECAY * L2(), update="decoupled")
    x, y = data()
    for _ in range(30):
        plain_step(model, optimizer, (x.double(), y))
    return model, optimizer


@pytest.mark.parametrize("tensor", [False, True])
def test_decoupled_terms_shrink_as_the_optimizers_own_decay_does(tensor: bool) -> None:
    theirs, optimizer = trained(own=True, tensor=tensor)
    ours, _ = trained(own=False, tensor=tensor)
    assert float(optimizer.param_groups[0]["d"]) > 50 * FIRST  # so that the rate was found
    for one, other in zip(theirs.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_a_decoupled_l1_takes_the_rate_of_the_step() -> None:
    model = settled(nn.Linear(3, 2, bias=False))
    before = model.weight.detach().clone()
    optimizer = FindsItsRate(model.parameters())
    regularize(optimizer, model, 0.5 * L1(), update="decoupled")
    model(torch.zeros(4, 3)).sum().backward()
    optimizer.step()
    lost = (before - model.weight).abs()
    torch.testing.assert_close(lost, torch.full_like(lost, 0.5 * FIRST), rtol=1e-2, atol=0)


def test_the_numbers_are_told_by_what_they_do() -> None:
    weights = [nn.Parameter(torch.ones(2, 2))]
    assert own_rates(FindsItsRate(weights)) == ("d",)
    assert own_rates(FindsItsRate(weights, tensor=True)) == ("d",)
    assert own_rates(HasAConstant(weights, lr=0.1)) == ()
    noting = KeepsLists(weights)
    assert own_rates(noting) == ("d",)
    assert noting.rates == []
    assert set(noting.steps.values()) == {0}
    assert own_rates(AdamW(weights)) == ()
    for kind in (FindsItsRate, NotesSums):
        trained = kind([nn.Parameter(torch.ones(2, 2))])
        for _ in range(30):
            trained.param_groups[0]["params"][0].grad = torch.ones(2, 2)
            trained.step()
        assert own_rates(trained) == ("d",)


class Slow(FindsItsRate):
    """Keeps numbers beside its state, which a step of a copy would change."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters)
        self.steps = [0]

    def step(self, closure: Any = None) -> None:
        self.steps[0] += 1
        super().step(closure)


def test_nothing_of_an_optimizer_changes_while_it_is_looked_at() -> None:
    optimizer = Slow([nn.Parameter(torch.ones(2, 2))])
    assert own_rates(optimizer) == ("d",)
    assert optimizer.steps == [0]
    optimizer = FindsItsRate([nn.Parameter(torch.ones(2, 2))])
    own_rates(optimizer)
    assert optimizer.param_groups[0]["d"] == FIRST
    assert not optimizer.state


@pytest.mark.parametrize("own", [False, True])
def test_the_audit_goes_by_that_rate(own: bool) -> None:
    model, optimizer = trained(own=own)
    x, y = data()
    report = audit(model, optimizer, plain_step, (x.double(), y))
    assert report.ok, report
    assert report.update == "decoupled"
    factors = [seen.factor for seen in report.seen if seen.expected]
    assert factors == pytest.approx([1.0, 1.0], rel=0.05)


def test_the_audit_tells_a_shrink_by_the_learning_rate_alone() -> None:
    def step(model: Any, optimizer: Any, batch: Tensor, scale: float) -> None:
        plain_step(model, optimizer, batch)
        with torch.no_grad():
            for w in model.parameters():
                if w.ndim > 1:
                    w.mul_(1 - scale * 0.01 * optimizer.param_groups[0]["lr"])

    model = network()
    optimizer = FindsItsRate(model.parameters())
    report = audit(model, optimizer, step, data(), 0.01 * L2(), update="decoupled")
    assert set(report.rules) == {"wrong-factor"}, report
