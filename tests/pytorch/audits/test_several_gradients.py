"""Steps that ask for gradients at several weights: line searches, and sharpness-aware ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim import LBFGS, SGD, Adam, AdamW

from shrinkage import L1, L2
from shrinkage.audits import Report
from shrinkage.errors import InputError
from shrinkage.pytorch import audit, regularize
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.audited_networks import data, network, where

STRENGTH = 0.02
WEIGHTS = {"0.weight", "2.weight"}


class Sharpness(torch.optim.Optimizer):
    """Foret et al., Sharpness-aware minimization (ICLR 2021): uphill, and from there a step."""

    def __init__(self, parameters: Any, kind: Any, **options: Any) -> None:
        super().__init__(parameters, {"rho": 0.05, **options})
        self.base_optimizer = kind(self.param_groups, **options)
        self.param_groups = self.base_optimizer.param_groups

    @torch.no_grad()
    def first_step(self) -> None:
        pairs = [(g, p) for g in self.param_groups for p in g["params"] if p.grad is not None]
        norm = torch.stack([p.grad.norm() for _, p in pairs]).norm()
        for group, p in pairs:
            self.state[p]["old"] = p.detach().clone()
            p.add_(p.grad, alpha=float(group["rho"] / norm))
        self.zero_grad()

    @torch.no_grad()
    def second_step(self) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                p.copy_(self.state[p]["old"])
        self.base_optimizer.step()

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        self.first_step()
        torch.enable_grad()(closure)()
        self.second_step()


class Ascent:
    """The same around an optimizer and a model, and no optimizer itself."""

    def __init__(self, optimizer: Any, model: nn.Module) -> None:
        self.optimizer, self.model = optimizer, model
        self.old: dict[nn.Parameter, torch.Tensor] = {}

    @torch.no_grad()
    def first_step(self) -> None:
        for p in self.model.parameters():
            self.old[p] = p.detach().clone()
            p.add_(p.grad, alpha=0.05)  # type: ignore[arg-type]
        self.zero_grad()

    @torch.no_grad()
    def second_step(self) -> None:
        for p, old in self.old.items():
            p.copy_(old)
        self.step()

    def step(self) -> None:
        self.optimizer.step()

    def zero_grad(self) -> None:
        self.optimizer.zero_grad()


def loss_of(model: Any, batch: Any, factor: float, scale: float) -> Any:
    loss = functional.cross_entropy(model(batch[0]), batch[1])
    return loss + factor * scale * STRENGTH * half_squares(model) if factor else loss


def in_two(first: float, second: float) -> Callable[..., None]:
    """Return a step by first_step and second_step, each loss with so many penalties."""

    def step(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        loss_of(model, batch, first, scale).backward()
        optimizer.first_step()
        loss_of(model, batch, second, scale).backward()
        optimizer.second_step()

    return step


def by_closure(first: float, second: float) -> Callable[..., None]:
    """Return the same by step(closure)."""

    def step(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        loss_of(model, batch, first, scale).backward()
        optimizer.step(lambda: loss_of(model, batch, second, scale).backward())

    return step


TERMS = STRENGTH * L2()


def audited(step: Any, *, kind: Any = SGD, terms: Any = TERMS, **options: Any) -> Report:
    model = network()
    optimizer = Sharpness(model.parameters(), kind, **{"lr": 0.05} | options)
    before = [w.detach().clone() for w in model.parameters()]
    report = audit(model, optimizer, step, data(), terms)
    assert all(map(torch.equal, before, model.parameters()))
    assert not optimizer.state
    return report


WAYS = pytest.mark.parametrize("way", [in_two, by_closure])


@WAYS
@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("first", [0, 1])
def test_a_penalty_in_the_gradient_that_moves_the_weights_is_right(
    way: Any, kind: Any, first: int
) -> None:
    report = audited(way(first, 1), kind=kind)
    assert report.ok, report
    assert report.update == "gradient"


@WAYS
def test_a_penalty_in_the_first_gradient_alone_moves_no_weight(way: Any) -> None:
    report = audited(way(1, 0))
    assert where(report, "wrong-factor") == WEIGHTS, report
    assert all("1, 0 times" in said.message for said in report.findings)


@WAYS
def test_a_penalty_twice_as_strong_in_the_second_gradient(way: Any) -> None:
    report = audited(way(1, 2))
    assert where(report, "wrong-factor") == WEIGHTS, report
    assert [round(seen.factor or 0) for seen in report.seen if seen.expected] == [2, 2]


@WAYS
def test_no_penalty_at_all(way: Any) -> None:
    assert audited(way(0, 0)).rules == ("no-effect",)


@pytest.mark.parametrize(("kind", "update"), [(SGD, "gradient"), (AdamW, "decoupled")])
def test_the_decay_of_the_optimizer_within(kind: Any, update: str) -> None:
    report = audited(in_two(0, 0), kind=kind, terms=None, weight_decay=STRENGTH)
    assert report.ok, report
    assert report.update == update


def test_terms_on_the_optimizer_within() -> None:
    model = network()
    optimizer = Sharpness(model.parameters(), Adam, lr=0.05)
    regularize(optimizer.base_optimizer, model, STRENGTH * L1())
    report = audit(model, optimizer, in_two(0, 0), data())
    assert report.ok, report
    assert report.update == "proximal"


@pytest.mark.parametrize(("second", "ok"), [(1, True), (0, False)])
def test_a_wrapper_that_knows_the_model_moves_the_copy(second: int, ok: bool) -> None:
    model = network()
    before = [w.detach().clone() for w in model.parameters()]
    optimizer: Any = Ascent(SGD(model.parameters(), lr=0.05), model)
    report = audit(model, optimizer, in_two(0, second), data(), STRENGTH * L2())
    assert report.ok == ok, report
    assert all(map(torch.equal, before, model.parameters()))


def searched(has_penalty: Callable[[int], bool]) -> Report:
    """Return the audit of a line search whose so many-th losses have the penalty."""

    def step(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
        calls = iter(range(100))

        def closure() -> Any:
            optimizer.zero_grad()
            loss = loss_of(model, batch, has_penalty(next(calls)), scale)
            loss.backward()
            return loss

        optimizer.step(closure)

    model = network()
    optimizer = LBFGS(model.parameters(), lr=0.1, max_iter=5)
    return audit(model, optimizer, step, data(), STRENGTH * L2())


def test_a_line_search_with_the_penalty_in_every_loss_is_right() -> None:
    assert searched(lambda _: True).rules == ()


@pytest.mark.parametrize(
    ("calls", "times"), [({0}, "1, 0, 0, 0 times"), ({0, 1, 3}, "1, 1, 0, 1 times")]
)
def test_a_line_search_with_the_penalty_in_some_losses(calls: set[int], times: str) -> None:
    report = searched(lambda call: call in calls)
    assert where(report, "wrong-factor") == WEIGHTS, report
    assert all(times in said.message for said in report.findings)


def test_a_bias_that_later_losses_penalise() -> None:
    def step(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
        calls = iter(range(100))

        def closure() -> Any:
            optimizer.zero_grad()
            loss = loss_of(model, batch, 1, scale)
            if next(calls):
                loss = loss + scale * STRENGTH * model[0].bias.square().sum()
            loss.backward()
            return loss

        optimizer.step(closure)

    model = network()
    report = audit(model, LBFGS(model.parameters(), lr=0.1), step, data(), STRENGTH * L2())
    assert where(report, "unselected-changed") == {"0.bias"}, report


def test_two_optimizers_within_are_not_chosen_from() -> None:
    model = network()
    optimizer = Sharpness(model.parameters(), SGD, lr=0.05)
    optimizer.other = SGD(model.parameters(), lr=0.1)  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="got 0 calls"):
        audit(model, optimizer, in_two(1, 1), data(), STRENGTH * L2())
