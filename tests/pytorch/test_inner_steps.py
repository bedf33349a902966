"""An optimizer whose loop steps what it holds, in the place of its own step()."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.optim import SGD, Adam

from shrinkage import L1, L2
from shrinkage.errors import UnsupportedOptimizer
from shrinkage.pytorch import regularize
from tests.builders.torch_networks import equal, parameters_of
from tests.pytorch.small_training import loss_of, network

TERMS = 0.02 * L1() + 0.1 * L2()


class SharpnessAware(torch.optim.Optimizer):
    """Up along the gradient, back, and a step of the optimizer inside with the gradient there."""

    def __init__(self, parameters: Any, base: Any, radius: float = 0.05, **options: Any) -> None:
        super().__init__(parameters, {"radius": radius, **options})
        self.base = base(self.param_groups, **options)
        self.param_groups = self.base.param_groups

    @torch.no_grad()
    def first_step(self) -> None:
        weights = [p for group in self.param_groups for p in group["params"]]
        norm = torch.stack([p.grad.norm() for p in weights]).norm()
        for p in weights:
            self.state[p]["before"] = p.detach().clone()
            p.add_(p.grad, alpha=float(self.param_groups[0]["radius"] / norm))
        self.zero_grad()

    @torch.no_grad()
    def second_step(self) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                p.data = self.state[p]["before"]
        self.base.step()
        self.zero_grad()

    def step(self, closure: Any = None) -> None:
        self.first_step()
        with torch.enable_grad():
            closure()
        self.second_step()


class Averaging(torch.optim.Optimizer):
    """Leaves its steps to the optimizer inside, but within its own."""

    def __init__(self, base: Any) -> None:
        super().__init__(base.param_groups, {})
        self.base = base
        self.param_groups = base.param_groups

    def step(self, closure: Any = None) -> None:  # noqa: ARG002
        self.base.step()


def take_two_part_steps(model: Any, optimizer: SharpnessAware, steps: int = 6) -> list:
    for _ in range(steps):
        loss_of(model).backward()
        optimizer.first_step()
        loss_of(model).backward()
        optimizer.second_step()
    return parameters_of(model)


def test_terms_that_a_loop_would_miss_are_an_error_with_the_place():
    model = network()
    optimizer = SharpnessAware(model.parameters(), SGD, lr=0.05)
    regularize(optimizer, model, TERMS, "decoupled")
    with pytest.raises(UnsupportedOptimizer, match=r"SharpnessAware.step.*steps, its \.base"):
        take_two_part_steps(model, optimizer)


def test_what_the_error_says_to_do_works():
    aware, plain = network(), network()
    optimizer = SharpnessAware(aware.parameters(), Adam, radius=0.0, lr=0.01)
    other = Adam(plain.parameters(), lr=0.01)
    attachment = regularize(optimizer.base, aware, TERMS)
    regularize(other, plain, TERMS)
    reached = take_two_part_steps(aware, optimizer)
    for _ in range(6):
        other.zero_grad()
        loss_of(plain).backward()
        other.step()
    assert attachment.steps == 6
    assert equal(reached, parameters_of(plain))


def test_a_step_within_the_outer_one_is_no_error():
    model, plain = network(), network()
    optimizer, other = Averaging(SGD(model.parameters(), lr=0.05)), SGD(plain.parameters(), lr=0.05)
    regularize(optimizer, model, TERMS, "decoupled")
    regularize(other, plain, TERMS, "decoupled")
    for own, taken in ((model, optimizer), (plain, other)):
        for _ in range(4):
            taken.zero_grad()
            loss_of(own).backward()
            taken.step()
    assert equal(parameters_of(model), parameters_of(plain))


def test_detached_terms_refuse_nothing():
    model = network()
    optimizer = SharpnessAware(model.parameters(), SGD, lr=0.05)
    regularize(optimizer, model, TERMS, "decoupled").detach()
    take_two_part_steps(model, optimizer)


def test_a_closure_at_another_point_is_refused_with_the_optimizer_inside():
    model = network()
    optimizer = SharpnessAware(model.parameters(), SGD, lr=0.05)
    regularize(optimizer, model, TERMS, "decoupled")
    loss_of(model).backward()
    with pytest.raises(UnsupportedOptimizer, match=r"inside, its \.base"):
        optimizer.step(lambda: loss_of(model).backward())
