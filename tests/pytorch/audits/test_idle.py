"""Parameters without a gradient, and frozen ones: who shrinks all the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim import SGD, Adam, AdamW

from shrinkage.pytorch import audit
from tests.builders.torch_networks import settled
from tests.pytorch.audits.audited_networks import CLASSES, INPUTS, data, network, plain_step, where

STRENGTH = 0.02


class Unused(nn.Module):
    """A network with a layer that this batch does not go through."""

    def __init__(self) -> None:
        super().__init__()
        self.foo, self.idle, self.bar = (
            nn.Linear(INPUTS, 8),
            nn.Linear(4, 4, bias=False),
            nn.Linear(8, CLASSES),
        )
        settled(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bar(torch.tanh(self.foo(x)))


class Words(nn.Module):
    """An embedding of which the batch uses a part."""

    def __init__(self, entries: int) -> None:
        super().__init__()
        self.foo, self.bar = nn.Embedding(entries, 5), nn.Linear(5, CLASSES)
        settled(self)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.bar(self.foo(words).mean(1))


def filling_step(model: nn.Module, optimizer: Any, batch: Any) -> None:
    """Train with gradients of zeros where there are none, as older loops do."""
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    functional.cross_entropy(model(batch[0]), batch[1]).backward()
    optimizer.step()


def weights_decayed(model: nn.Module, kind: Any) -> Any:
    inside = [w for w in model.parameters() if w.ndim > 1]
    return kind(inside, lr=0.01, weight_decay=STRENGTH)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
class TestWithoutGradient:
    def test_gradients_of_zeros(self, kind):
        model = Unused()
        report = audit(model, weights_decayed(model, kind), filling_step, data())
        assert where(report, "decays-without-gradient") == {"idle.weight"}
        assert report.ok, str(report)

    def test_no_gradients(self, kind):
        model = Unused()
        report = audit(model, weights_decayed(model, kind), plain_step, data())
        assert not where(report, "decays-without-gradient"), str(report)
        assert report.ok, str(report)

    def test_a_layer_that_is_used(self, kind):
        model = network()
        report = audit(model, weights_decayed(model, kind), filling_step, data())
        assert not where(report, "decays-without-gradient"), str(report)


@pytest.mark.parametrize("kind", [SGD, AdamW])
@pytest.mark.parametrize(("entries", "found"), [(50, True), (4, False)])
def test_rows_of_an_embedding_outside_the_batch(kind: Any, entries: int, found: bool) -> None:
    model = Words(entries)
    words = torch.arange(24 * 2).reshape(24, 2) % 4
    report = audit(model, weights_decayed(model, kind), plain_step, (words, data()[1]))
    assert where(report, "decays-without-gradient") == ({"foo.weight"} if found else set())
    if found:
        assert "46 of 50 rows" in str(report)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
class TestFrozen:
    def test_a_gradient_left_behind(self, kind):
        """zero_grad(set_to_none=False) keeps zeros on what was frozen later."""
        model = network()
        optimizer = weights_decayed(model, kind)
        filling_step(model, optimizer, data())
        model[0].weight.requires_grad_(False)

        def step(model: nn.Module, optimizer: Any, batch: Any) -> None:
            optimizer.zero_grad(set_to_none=False)
            functional.cross_entropy(model(batch[0]), batch[1]).backward()
            optimizer.step()

        report = audit(model, optimizer, step, data())
        assert where(report, "frozen-but-decays") == {"0.weight"}
        assert not report.ok

    def test_frozen_from_the_start(self, kind):
        model = network()
        model[0].weight.requires_grad_(False)
        report = audit(model, weights_decayed(model, kind), plain_step, data())
        assert not where(report, "frozen-but-decays"), str(report)
        assert report.ok, str(report)

    def test_nothing_is_frozen(self, kind):
        model = network()
        report = audit(model, weights_decayed(model, kind), plain_step, data())
        assert not where(report, "frozen-but-decays")

    def test_a_loop_that_decays_by_hand(self, kind):
        model = network()
        model[0].weight.requires_grad_(False)
        optimizer = kind([model[2].weight], lr=0.01, weight_decay=STRENGTH)

        def step(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
            plain_step(model, optimizer, batch)
            model[0].weight.data.mul_(1 - 0.01 * STRENGTH * scale)

        report = audit(model, optimizer, step, data())
        assert where(report, "frozen-but-decays") == {"0.weight"}, str(report)
        assert not report.ok
