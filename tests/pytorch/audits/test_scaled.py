"""Loss scales: what is added where, and one error for one cause."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim import SGD, Adam

from shrinkage import L2
from shrinkage.pytorch import audit
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.audited_networks import data, network

STRENGTH = 0.05
TERM = STRENGTH * L2()


class Scaled:
    """A step that adds the penalty somewhere around `unscale_`, with what else a loop does."""

    def __init__(
        self,
        where: str,
        *,
        clips: bool = False,
        by_hand: bool = False,
        divides: bool = False,
        strength: float = STRENGTH,
    ) -> None:
        self.where, self.clips, self.by_hand, self.divides = where, clips, by_hand, divides
        self.strength = strength
        self.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)

    def add(self, model: nn.Module, scale: float) -> None:
        if self.by_hand:
            for w in (w for w in model.parameters() if w.ndim > 1):
                assert w.grad is not None
                w.grad.add_(w.detach(), alpha=scale * self.strength)
        else:
            (scale * self.strength * half_squares(model)).backward()

    def __call__(self, model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(batch[0]), batch[1])
        loss = loss + scale * self.strength * half_squares(model) * (self.where == "loss")
        self.scaler.scale(loss).backward()
        if self.where == "scaled":
            self.add(model, scale)
        if self.divides:
            for w in model.parameters():
                assert w.grad is not None
                w.grad.div_(self.scaler.get_scale())
        else:
            self.scaler.unscale_(optimizer)
        if self.clips:
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        if self.where == "unscaled":
            self.add(model, scale)
        if self.divides:
            optimizer.step()
        else:
            self.scaler.step(optimizer)
            self.scaler.update()


# A second backward pass would hide what the loop has done to the gradients of the first.
PLACES = [("loss", False, False), ("loss", False, True), ("unscaled", False, False),
          ("unscaled", True, False), ("unscaled", True, True)]  # fmt: skip


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("clips", [False, True])
@pytest.mark.parametrize(("where", "by_hand", "divides"), PLACES)
def test_a_penalty_in_the_units_of_the_loss(
    kind: Any, where: str, clips: bool, by_hand: bool, divides: bool
) -> None:
    model = network()
    step = Scaled(where, clips=clips, by_hand=by_hand, divides=divides)
    report = audit(model, kind(model.parameters(), lr=0.05), step, data(), TERM)
    assert report.ok, str(report)
    assert report.update == "gradient"


@pytest.mark.parametrize("clips", [False, True])
@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("strength", [STRENGTH, 64 * STRENGTH])
def test_a_penalty_that_missed_the_loss_scale_is_one_error(
    clips: bool, by_hand: bool, strength: float
) -> None:
    model = network()
    step = Scaled("scaled", clips=clips, by_hand=by_hand, strength=strength)
    report = audit(model, SGD(model.parameters(), lr=0.05), step, data(), strength * L2())
    errors = {f.rule for f in report.findings if f.severity == "error"}
    assert errors - {"collapse"} == {"amp-unscaled"}, report
    assert {f.parameter for f in report.findings if f.parameter} == {"0.weight", "2.weight"}
    assert {f.cause.number for f in report.findings if f.cause} == {1024.0}


def test_the_scaler_of_another_optimizer() -> None:
    model, other = network(), network()
    optimizer = SGD(other.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0)

    def step(model: nn.Module, given: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        scaler.scale(functional.cross_entropy(other(batch[0]), batch[1])).backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        Scaled("loss")(model, given, batch, scale)

    report = audit(model, SGD(model.parameters(), lr=0.1), step, data(), TERM)
    assert report.ok, str(report)
