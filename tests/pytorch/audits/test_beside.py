"""What a loop refers to beside model and optimizer: scalers, schedulers, attached terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import LambdaLR

from shrinkage import L1, L2
from shrinkage.pytorch import audit, regularize
from shrinkage.pytorch.attached import attachment_of
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.audited_networks import data
from tests.pytorch.audits.pictures import changes, frozen_copy, picture, reseeded, states_kept
from tests.pytorch.audits.restless import STRENGTH, bare_step, restless

TERM = STRENGTH * L2()


@pytest.fixture(autouse=True)
def _random_states() -> Iterator[None]:
    with states_kept():
        yield


def sgd(model: nn.Module) -> Any:
    return SGD(model.parameters(), lr=0.05, momentum=0.9)


class Loop:
    """A trainer with a scaler and a scheduler of its own."""

    def __init__(self) -> None:
        self.model = restless()
        self.optimizer = sgd(self.model)
        self.scaler = torch.amp.GradScaler("cpu", init_scale=256.0, growth_interval=2)
        self.scheduler = LambdaLR(self.optimizer, lambda step: 1 / (1 + step))

    def step(self, model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        step_of(self.scaler, self.scheduler)(model, optimizer, batch, scale)

    def advance(self) -> None:
        self.step(self.model, self.optimizer, data(), 1.0)


def step_of(scaler: Any, scheduler: Any) -> Callable[..., None]:
    def training_step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(batch[0]), batch[1])
        scaler.scale(loss + scale * STRENGTH * half_squares(model)).backward()
        scaler.step(optimizer)
        scaler.update()
        scheduler.step()

    return training_step


def as_given(loop: Loop, how: str) -> Any:
    """Return the step that refers to scaler and scheduler by closure, or as a trainer's method."""
    return step_of(loop.scaler, loop.scheduler) if how == "closure" else loop.step


@pytest.mark.parametrize("how", ["closure", "method"])
def test_a_scaler_and_a_scheduler_are_as_they_were(how: str) -> None:
    loop = Loop()
    loop.advance()
    before = picture(loop.model, loop.optimizer, loop.scaler, loop.scheduler)
    audit(loop.model, loop.optimizer, as_given(loop, how), data(), TERM)
    after = picture(loop.model, loop.optimizer, loop.scaler, loop.scheduler)
    assert changes(before, after) == []
    loop.advance()
    other = Loop()
    reseeded()
    other.advance()
    other.advance()
    assert loop.optimizer.param_groups[0]["lr"] == other.optimizer.param_groups[0]["lr"]
    assert loop.scaler.state_dict() == other.scaler.state_dict()


@pytest.mark.parametrize("how", ["closure", "method"])
def test_a_loop_that_schedules_every_step_is_correct(how: str) -> None:
    """Every run begins at the learning rate and the loss scale of the first."""
    loop = Loop()
    loop.advance()
    report = audit(loop.model, loop.optimizer, as_given(loop, how), data(), TERM)
    assert report.ok, str(report)


def test_an_attachment_keeps_its_ledger_strengths_and_answers() -> None:
    model = restless()
    optimizer = AdamW(model.parameters(), lr=0.01, weight_decay=0.0)
    attachment = regularize(optimizer, model, 0.005 * L1() + TERM, "proximal")
    bare_step(model, optimizer, data())
    before, own = frozen_copy(attachment.state_dict()), set(vars(attachment))
    audit(model, optimizer, bare_step, data())
    assert frozen_copy(attachment.state_dict()) == before
    assert set(vars(attachment)) == own
    assert attachment_of(optimizer) is attachment


def test_an_attachment_that_answers_for_the_loss() -> None:
    model = restless()
    optimizer = sgd(model)
    attachment = regularize(optimizer, model, TERM, "loss")

    def step(model: nn.Module, optimizer: Any, batch: Any) -> None:
        optimizer.zero_grad()
        (functional.cross_entropy(model(batch[0]), batch[1]) + attachment.loss()).backward()
        optimizer.step()

    step(model, optimizer, data())
    before, own = picture(model, optimizer), set(vars(attachment))
    report = audit(model, optimizer, step, data())
    assert report.ok, str(report)
    assert report.update == "gradient"
    after = picture(model, optimizer)
    assert changes(before, after) == []
    assert set(vars(attachment)) == own
