"""Optimizers whose step takes arguments: they are stepped again with what the loop gave them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim import Optimizer

from shrinkage import L2
from shrinkage.pytorch import audit
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.audited_networks import data, network, where

STRENGTH = 0.05


class Told(Optimizer):
    """Divides by a running root, and needs the loss, by place or by name."""

    def __init__(self, parameters: Any, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, {"lr": 0.05, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, loss: Any, *, scaled: bool) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for w in group["params"]:
                root = self.state[w].setdefault("s", torch.zeros_like(w))
                root.mul_(0.9).addcmul_(w.grad, w.grad, value=0.1)
                w.mul_(1 - group["lr"] * group["weight_decay"])
                size = float(loss) if scaled else 1.0
                w.sub_(group["lr"] * size * w.grad / (root.sqrt() + 1e-8))


def step_with(strength: float, told: Any) -> Any:
    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(batch[0]), batch[1])
        (loss + scale * strength * half_squares(model)).backward()
        optimizer.step(told(loss), scaled=True)

    return step


@pytest.mark.parametrize("told", [torch.Tensor.detach, torch.Tensor.item])
def test_its_own_decay_and_what_it_does_to_a_gradient(told: Any) -> None:
    model = network()
    matrices = [w for w in model.parameters() if w.ndim > 1]
    report = audit(model, Told(matrices, STRENGTH), step_with(0.0, told), data())
    assert (report.rules, report.update) == ((), "decoupled"), str(report)
    report = audit(model, Told(matrices), step_with(STRENGTH, told), data(), STRENGTH * L2())
    assert report.ok, str(report)
    assert where(report, "coupled-through-adam") == {"0.weight", "2.weight"}


def test_twice_the_decay_is_measured() -> None:
    model = network()
    matrices = [w for w in model.parameters() if w.ndim > 1]
    optimizer = Told(matrices, 2 * STRENGTH)
    step = step_with(0.0, torch.Tensor.detach)
    report = audit(model, optimizer, step, data(), STRENGTH * L2())
    assert report.rules == ("wrong-factor",), str(report)


def test_a_list_of_gradients_is_not_taken_again() -> None:
    """They would be another step's; what lies in the gradient is judged all the same."""

    class FromList(Told):
        @torch.no_grad()
        def step(self, gradients: Any) -> None:  # type: ignore[override]
            held = self.param_groups[0]["params"]
            for w, gradient in zip(held, gradients, strict=True):
                w.sub_(0.05 * gradient.sign())

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(batch[0]), batch[1])
        (loss + scale * STRENGTH * half_squares(model)).backward()
        optimizer.step([w.grad for w in optimizer.param_groups[0]["params"]])

    model = network()
    report = audit(model, FromList(list(model.parameters())), step, data(), STRENGTH * L2())
    assert report.ok, str(report)
    assert report.update == "gradient"


def test_a_step_that_draws_numbers_draws_them_again() -> None:
    """Half of the coordinates, drawn in every step, divided by their own size."""

    class Drawn(Told):
        @torch.no_grad()
        def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002
            for w in self.param_groups[0]["params"]:
                w.sub_(0.05 * w.grad.sign() * (torch.rand(w.shape) < 0.5))

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(batch[0]) + 0.01 * torch.randn(()), batch[1])
        (loss + scale * STRENGTH * half_squares(model)).backward()
        optimizer.step()

    model = network()
    before = torch.get_rng_state()
    report = audit(model, Drawn(model.parameters()), step, data(), STRENGTH * L2())
    assert report.ok, str(report)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_optimizer_that_needs_the_graph_of_the_gradients() -> None:
    """As AdaHessian: no bare step of it can be taken, and what is in the gradient is judged."""

    class Curved(Told):
        def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002
            held = self.param_groups[0]["params"]
            along = sum((w.grad.square().sum() for w in held), torch.zeros(()))
            curvatures = torch.autograd.grad(along, held)
            with torch.no_grad():
                for w, curvature in zip(held, curvatures, strict=True):
                    w.sub_(0.05 * w.grad.detach() / (curvature.abs() + 1))

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(batch[0]), batch[1])
        loss = loss + scale * STRENGTH * half_squares(model)
        gradients = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
        for w, gradient in zip(model.parameters(), gradients, strict=True):
            w.grad = gradient
        optimizer.step()
        optimizer.zero_grad()

    model = network()
    report = audit(model, Curved(model.parameters()), step, data(), STRENGTH * L2())
    assert report.ok, str(report)
    assert report.update == "gradient"
