"""`coupled-through-adam`: a penalty in the gradient of an optimizer that rescales it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import SGD, Adagrad, Adam, AdamW, NAdam, RMSprop

from shrinkage import L2
from shrinkage.pytorch import audit, regularize
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.audited_networks import (
    data,
    decayed,
    network,
    plain_step,
    step_with,
    where,
)

STRENGTH = 0.02
TERM = STRENGTH * L2()


class TestThroughAdam:
    @pytest.mark.parametrize("kind", [Adam, RMSprop, Adagrad, NAdam])
    def test_decay_in_the_gradient_of_an_adaptive_optimizer(self, kind):
        model = network()
        report = audit(model, decayed(model, kind), plain_step, data())
        assert where(report, "coupled-through-adam") == {"0.weight", "2.weight"}
        assert report.ok, str(report)
        assert kind.__name__ in str(report)

    def test_a_penalty_in_the_loss(self):
        model = network()
        optimizer = decayed(model, AdamW, weight_decay=0.0)
        report = audit(model, optimizer, step_with(half_squares, STRENGTH), data(), TERM)
        assert where(report, "coupled-through-adam") == {"0.weight", "2.weight"}

    @pytest.mark.parametrize(
        ("kind", "options"),
        [
            (AdamW, {}),
            (Adam, {"decoupled_weight_decay": True}),
            (NAdam, {"decoupled_weight_decay": True}),
            (SGD, {}),
            (SGD, {"momentum": 0.9, "nesterov": True}),
        ],
    )
    def test_decoupled_decay_and_plain_optimizers(self, kind, options):
        model = network()
        report = audit(model, decayed(model, kind, **options), plain_step, data())
        assert report.rules == (), str(report)

    @pytest.mark.parametrize(
        ("update", "found"), [("proximal", False), ("decoupled", False), ("gradient", True)]
    )
    def test_attached_terms(self, update, found):
        model = network()
        optimizer = Adam(model.parameters(), lr=0.01)
        plain_step(model, optimizer, data())
        regularize(optimizer, model, TERM, update)
        report = audit(model, optimizer, plain_step, data())
        assert report.ok, str(report)
        assert bool(where(report, "coupled-through-adam")) is found, str(report)


class Own(torch.optim.Optimizer):
    """An optimizer that no record knows: the weights move by −lr · rule(gradient, state)."""

    def __init__(self, parameters: Any, rule: Callable[..., Any], lr: float = 0.01) -> None:
        super().__init__(parameters, {"lr": lr})
        self.rule = rule

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ARG002
        for group in self.param_groups:
            for w in group["params"]:
                w.sub_(group["lr"] * self.rule(w.grad, self.state[w]))


def momentum(gradient: Any, state: Any) -> Any:
    state["v"] = 0.9 * state.get("v", 0.0) + gradient
    return state["v"]


def slow_root(gradient: Any, state: Any) -> Any:
    state["s"] = 0.999 * state.get("s", 1e-6) + 0.001 * gradient.square()
    return gradient / state["s"].sqrt()


def by_layer(gradient: Any, _: Any) -> Any:
    return gradient / gradient.norm()


def centred(gradient: Any, _: Any) -> Any:
    return gradient - gradient.mean()


def orthogonal(gradient: Any, _: Any) -> Any:
    if gradient.ndim < 2:
        return gradient
    u, _, v = torch.linalg.svd(gradient, full_matrices=False)
    return u @ v


class TestUnknownOptimizers:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("begun", [False, True])
    @pytest.mark.parametrize(
        ("rule", "adapts"),
        [
            (momentum, False),
            (by_layer, False),
            (centred, False),
            (lambda gradient, _: gradient.sign(), True),
            (slow_root, True),
            (orthogonal, True),
        ],
    )
    def test_what_they_do_with_a_gradient_is_measured(self, rule, adapts, begun, dtype):
        model = network().to(dtype)
        x, y = data()
        batch = x.to(dtype), y
        optimizer = Own(model.parameters(), rule)
        for _ in range(20 * begun):
            plain_step(model, optimizer, batch)
        report = audit(model, optimizer, step_with(half_squares, STRENGTH), batch, TERM)
        assert report.ok, str(report)
        assert bool(where(report, "coupled-through-adam")) is adapts, str(report)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_another_push_beside_the_gradient(kind):
    """The optimizer has one gradient in every run, so that the weights tell."""

    def step(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
        plain_step(model, optimizer, batch)
        with torch.no_grad():
            for w in (w for w in model.parameters() if w.ndim > 1):
                w.sub_(0.1 * STRENGTH * scale * w.sign())

    model = network()
    optimizer = decayed(model, kind, lr=0.1, weight_decay=0.0)
    report = audit(model, optimizer, step, data(), TERM)
    assert where(report, "wrong-direction") == {"0.weight", "2.weight"}, str(report)
    assert "cosine" not in str(report)


class ByItsNorm(torch.optim.Optimizer):
    """Clips by a plain division, which a gradient of zeros has no answer to."""

    def __init__(self, parameters: Any, lr: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": 0.02})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ARG002
        held = [p for group in self.param_groups for p in group["params"]]
        share = min(1.0, 10.0 / float(torch.cat([p.grad.flatten() for p in held]).norm()))
        for p in held:
            p.sub_(0.05 * (share * p.grad + 0.02 * p))


def test_an_optimizer_that_cannot_step_with_zeros() -> None:
    model = network()
    optimizer = ByItsNorm([w for w in model.parameters() if w.ndim > 1], lr=0.05)
    before = torch.get_rng_state()
    audit(model, optimizer, plain_step, data(), 0.02 * L2())
    assert torch.equal(torch.get_rng_state(), before)
