"""A penalty that `regularize` brings and the loop adds again is `double-counted`, however."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW

from shrinkage import L1, L2
from shrinkage.pytorch import audit, regularize
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.audited_networks import data, network, plain_step, step_with, where

STRENGTH = 1e-3
WEIGHTS = {"0.weight", "2.weight"}


def magnitudes(model: nn.Module) -> Any:
    return sum(w.abs().sum() for w in model.parameters() if w.ndim > 1)


PENALTIES = {"l1": (L1(), magnitudes), "l2": (L2(), half_squares)}


def attached(kind: Any, penalty: Any, update: str, **options: Any) -> tuple[Any, Any]:
    model = network()
    optimizer = kind(model.parameters(), lr=3e-3, weight_decay=0, **options)
    regularize(optimizer, model, STRENGTH * penalty, update)
    return model, optimizer


def assert_twice(report: Any) -> None:
    assert where(report, "double-counted") == WEIGHTS, str(report)
    assert {said.rule for said in report.findings if said.severity == "error"} == {"double-counted"}
    assert all("regularize" in s.message for s in report.findings if s.rule == "double-counted")
    assert report.update == "both", str(report)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
@pytest.mark.parametrize("which", PENALTIES)
@pytest.mark.parametrize("update", ["proximal", "gradient", "decoupled"])
@pytest.mark.parametrize("clipped", [False, True])
def test_attached_and_in_the_loss(kind: Any, which: str, update: str, clipped: bool) -> None:
    penalty, written = PENALTIES[which]
    model, optimizer = attached(kind, penalty, update)

    def step(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        (loss + scale * STRENGTH * written(model)).backward()
        if clipped:
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    assert_twice(audit(model, optimizer, step, data()))


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_terms_that_are_given_hide_it_no_more(kind: Any) -> None:
    model, optimizer = attached(kind, L1(), "proximal")
    assert_twice(audit(model, optimizer, step_with(magnitudes, STRENGTH), data(), STRENGTH * L1()))


@pytest.mark.parametrize("times", [0.5, 3.0])
def test_another_strength_in_the_loss_is_told(times: float) -> None:
    model, optimizer = attached(Adam, L1(), "gradient")
    report = audit(model, optimizer, step_with(magnitudes, times * STRENGTH), data())
    assert_twice(report)
    assert all(f"({times:g} times)" in said.message for said in report.findings[:2]), str(report)


@pytest.mark.parametrize(
    ("kind", "update"),
    [
        (SGD, "proximal"),
        (SGD, "gradient"),
        (SGD, "decoupled"),
        (AdamW, "gradient"),
        (AdamW, "decoupled"),
    ],
)
def test_a_decay_of_the_loop_s_own_behind_the_step(kind: Any, update: str) -> None:
    model, optimizer = attached(kind, L2(), update)

    def step(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
        plain_step(model, optimizer, batch)
        rate = optimizer.param_groups[0]["lr"]
        with torch.no_grad():
            for w in model.parameters():
                if w.ndim > 1:
                    w.mul_(1 - rate * scale * STRENGTH)

    report = audit(model, optimizer, step, data())
    assert where(report, "double-counted") == WEIGHTS, str(report)
    through = WEIGHTS if update == "gradient" and kind is AdamW else set()
    assert where(report, "coupled-through-adam") == through, str(report)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
@pytest.mark.parametrize("update", ["proximal", "gradient", "decoupled"])
def test_attached_alone_is_right(kind: Any, update: str) -> None:
    model, optimizer = attached(kind, L1(), update)
    assert audit(model, optimizer, plain_step, data()).ok


def test_terms_that_the_loop_asks_for_their_loss_are_there_once() -> None:
    model = network()
    optimizer = Adam(model.parameters(), lr=3e-3)
    attachment = regularize(optimizer, model, STRENGTH * L1(), "loss")

    def step(model: Any, optimizer: Any, batch: Any) -> None:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        (loss + attachment.loss()).backward()
        optimizer.step()

    assert audit(model, optimizer, step, data()).ok

    def twice(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        (loss + attachment.loss() + scale * STRENGTH * magnitudes(model)).backward()
        optimizer.step()

    assert_twice(audit(model, optimizer, twice, data()))
