"""`coupled-through-adam`: a penalty in the gradient of an optimizer that rescales it."""

from __future__ import annotations

import pytest
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
