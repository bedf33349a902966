"""A step at a second strength is left out where walks of the optimizer's own decay stand for it."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW

from shrinkage import L1, L2
from shrinkage.pytorch import audit, regularize
from shrinkage.pytorch.audits.step_call import StepCall
from tests.pytorch.audits.audited_networks import data, decayed, network, plain_step, where

STRENGTH = 0.05


@pytest.fixture
def scales(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The scales at which steps are taken."""
    taken: list[float] = []
    call = StepCall.__call__

    def noted(self: StepCall, twin: Any, scale: float, *args: Any, **kwargs: Any) -> Any:
        taken.append(scale)
        return call(self, twin, scale, *args, **kwargs)

    monkeypatch.setattr(StepCall, "__call__", noted)
    return taken


def of_three(model: nn.Module, optimizer: Any, batch: Any) -> None:
    plain_step(model, optimizer, batch)


def that_ignores_it(model: nn.Module, optimizer: Any, batch: Any, scale: float = 1.0) -> None:  # noqa: ARG001
    plain_step(model, optimizer, batch)


def that_reads_it(model: nn.Module, optimizer: Any, batch: Any, scale: float = 1.0) -> None:
    assert scale >= 0
    plain_step(model, optimizer, batch)


def by_name(model: nn.Module, optimizer: Any, batch: Any, *, scale: float) -> None:  # noqa: ARG001
    plain_step(model, optimizer, batch)


def of_anything(*args: Any) -> None:
    plain_step(*args[:3])


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("step", [of_three, that_ignores_it])
def test_two_steps_are_enough_for_a_decay(
    kind: Any, told: bool, step: Any, scales: list[float]
) -> None:
    model = network()
    optimizer = decayed(model, kind)
    strength = max(group["weight_decay"] for group in optimizer.param_groups)
    report = audit(model, optimizer, step, data(), strength * L2() if told else None)
    assert report.ok, report
    assert 2.0 not in scales
    assert where(report, "not-linear") == set()


@pytest.mark.parametrize(
    "step", [that_reads_it, by_name, of_anything, functools.partial(that_ignores_it, scale=1.0)]
)
def test_a_step_that_may_use_the_scale_has_a_third(step: Any, scales: list[float]) -> None:
    model = network()
    assert audit(model, decayed(model, AdamW), step, data()).ok
    assert 2.0 in scales


def test_a_decay_that_the_loop_sets_has_a_third(scales: list[float]) -> None:
    def step(model: nn.Module, optimizer: Any, batch: Any) -> None:
        for group in optimizer.param_groups:
            group["weight_decay"] *= 0.9
        plain_step(model, optimizer, batch)

    model = network()
    assert audit(model, decayed(model, AdamW), step, data()).ok
    assert 2.0 in scales


def test_attached_terms_have_a_third(scales: list[float]) -> None:
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1)
    regularize(optimizer, model, STRENGTH * L1())
    assert audit(model, optimizer, of_three, data()).ok
    assert 2.0 in scales


@pytest.mark.parametrize("power", [1, 2])
def test_a_decay_by_hand_of_what_the_groups_say(power: int, scales: list[float]) -> None:
    """The optimizer takes the number, and the loop shrinks by it, squared or not, as well."""

    def step(model: nn.Module, optimizer: Any, batch: Any) -> None:
        plain_step(model, optimizer, batch)
        with torch.no_grad():
            for group in optimizer.param_groups:
                for w in group["params"]:
                    w.mul_(1 - 0.1 * group["weight_decay"] ** power)

    model = network()
    matrices = [w for w in model.parameters() if w.ndim > 1]
    report = audit(model, AdamW(matrices, lr=0.1, weight_decay=STRENGTH), step, data())
    assert not report.ok, report
    assert 2.0 in scales


class Squared(SGD):
    """Decays by the square of its setting, which is λ where λ is 1."""

    def step(self, closure: Any = None) -> Any:
        with torch.no_grad():
            for group in self.param_groups:
                for w in group["params"]:
                    w.mul_(1 - group["lr"] * group["weight_decay"] ** 2)
        settings = [group["weight_decay"] for group in self.param_groups]
        for group in self.param_groups:
            group["weight_decay"] = 0.0
        super().step(closure)
        for group, setting in zip(self.param_groups, settings, strict=True):
            group["weight_decay"] = setting


@pytest.mark.parametrize("rate", [0.3, 0.01])
def test_a_decay_that_is_not_linear_in_the_optimizer_itself(rate: float) -> None:
    """At λ = 1 the step is as it should be; the walks, at other strengths, say otherwise."""
    model = network()
    matrices = [w for w in model.parameters() if w.ndim > 1]
    optimizer = Squared(matrices, lr=rate, weight_decay=1.0)
    report = audit(model, optimizer, of_three, data(), 1.0 * L2())
    assert not report.ok, report
