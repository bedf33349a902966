"""Loops that set the length of their weights after every step, as normalized transformers do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim import SGD, Adam, AdamW

from shrinkage import L1, L2
from shrinkage.audits import Report
from shrinkage.pytorch import audit, regularize
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.audited_networks import data, decayed, network, plain_step, where

STRENGTH = 0.02
WEIGHTS = {"0.weight", "2.weight"}


@torch.no_grad()
def normalize(model: Any, axes: tuple[int, ...] = (1,)) -> None:
    for w in model.parameters():
        if w.ndim > 1:
            w.div_(w.norm(dim=axes, keepdim=True))


def normed(**options: Any) -> nn.Module:
    model = network()
    normalize(model, **options)
    return model


def then_normalized(step: Callable[..., None], **options: Any) -> Callable[..., None]:
    def normalizing(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
        step(model, optimizer, batch, scale)
        normalize(model, **options)

    return normalizing


def plain(model: Any, optimizer: Any, batch: Any, _scale: float) -> None:
    plain_step(model, optimizer, batch)


def in_loss(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
    optimizer.zero_grad()
    loss = functional.cross_entropy(model(batch[0]), batch[1])
    (loss + 4 * scale * STRENGTH * half_squares(model)).backward()
    optimizer.step()


def attached(update: str, penalty: Any) -> Callable[..., None]:
    """Return a step that attaches its terms anew each time."""

    def step(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
        attachment = regularize(optimizer, model, scale * STRENGTH * penalty, update=update)
        plain_step(model, optimizer, batch)
        attachment.detach()

    return step


def told(report: Report) -> None:
    """Check that it is told, and no factor is accused."""
    assert report.ok, report
    assert where(report, "scale-invariant") == WEIGHTS
    first = next(said for said in report.findings if said.rule == "scale-invariant")
    assert "the loop sets the length of all" in first.message


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_a_decay_that_is_given_back(kind: Any, axes: tuple[int, ...]) -> None:
    model = normed(axes=axes)
    step = then_normalized(plain, axes=axes)
    told(audit(model, decayed(model, kind), step, data()))


def test_lengths_that_were_others_before() -> None:
    model = network()
    told(audit(model, decayed(model, AdamW), then_normalized(plain), data()))


@pytest.mark.parametrize("update", ["decoupled", "proximal", "gradient"])
@pytest.mark.parametrize("penalty", [L2(), L1()])
def test_terms_inside_of_the_step(update: str, penalty: Any) -> None:
    model = normed()
    optimizer = Adam(model.parameters(), lr=0.01)
    step = then_normalized(attached(update, penalty))
    told(audit(model, optimizer, step, data(), STRENGTH * penalty))


def test_a_gradient_tells_its_factor_all_the_same() -> None:
    model = normed()
    step = then_normalized(in_loss)
    report = audit(model, SGD(model.parameters(), lr=0.1), step, data(), STRENGTH * L2())
    assert where(report, "wrong-factor") == WEIGHTS
    assert where(report, "scale-invariant") == WEIGHTS


def test_no_penalty_at_all_is_no_effect() -> None:
    model = normed()
    step = then_normalized(plain)
    report = audit(model, Adam(model.parameters(), lr=0.01), step, data(), STRENGTH * L2())
    assert set(report.rules) == {"no-effect", "scale-invariant"}, report
    assert "not in this step" in str(report)


def test_weights_of_length_one_that_are_free_are_no_such_case() -> None:
    model = normed()
    assert audit(model, decayed(model, AdamW), plain, data()).rules == ()


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("penalty", [L2(), L1()])
def test_terms_attached_to_the_gradient_inside_of_the_step(kind: Any, penalty: Any) -> None:
    model = network()
    optimizer = kind(model.parameters(), lr=0.01)
    report = audit(model, optimizer, attached("gradient", penalty), data(), STRENGTH * penalty)
    assert report.ok, report
    assert report.update == "gradient"
    assert not optimizer._optimizer_step_pre_hooks
    assert "register_step_pre_hook" not in vars(optimizer)
