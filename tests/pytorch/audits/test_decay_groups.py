"""A weight decay in a group in which there is no weight of the model has no effect."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW

from shrinkage import L1
from shrinkage.audits import Report
from shrinkage.errors import InputError
from shrinkage.pytorch import audit, regularize
from shrinkage.selections import biases
from tests.pytorch.audits.audited_networks import data, network, plain_step

DECAY = 0.05


def audited(model: nn.Module, first: list[Any], second: list[Any], kind: Any = AdamW) -> Report:
    groups = [{"params": first, "weight_decay": 0.0}, {"params": second, "weight_decay": DECAY}]
    return audit(model, kind(groups, lr=1e-3), plain_step, data())


@pytest.mark.parametrize("kind", [SGD, AdamW])
@pytest.mark.parametrize("elsewhere", [0, 2])
def test_a_group_without_a_parameter_of_the_model_is_named(kind: Any, elsewhere: int) -> None:
    model = network()
    others = [nn.Parameter(torch.ones(3)) for _ in range(elsewhere)]
    report = audited(model, list(model.parameters()), others, kind)
    assert report.rules == ("no-effect",), str(report)
    assert not report.ok
    assert f"weight_decay={DECAY:g} of parameter group 1" in report.findings[0].message
    assert ("empty" in report.findings[0].message) == (elsewhere == 0)


@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_a_decay_of_biases_alone_is_not_ok(kind: Any) -> None:
    model = network()
    matrices = [w for w in model.parameters() if w.ndim > 1]
    report = audited(model, matrices, [w for w in model.parameters() if w.ndim < 2], kind)
    assert not report.ok, str(report)
    assert report.rules[0] == "no-effect"
    assert "parameter group 1: 0.bias, 2.bias" in report.findings[0].message


def test_an_empty_group_beside_one_with_weights_is_nothing() -> None:
    model = network()
    matrices = [w for w in model.parameters() if w.ndim > 1]
    groups = [{"params": matrices}, {"params": []}]
    assert not audit(model, AdamW(groups, lr=1e-3, weight_decay=DECAY), plain_step, data()).findings


def test_biases_alone_train() -> None:
    """As in fine-tuning by biases: what could be decayed instead is frozen, or held by nobody."""
    model = network()
    for w in model.parameters():
        w.requires_grad_(w.ndim < 2)
    trained = [w for w in model.parameters() if w.ndim < 2]
    assert audited(model, [], trained).ok
    model = network()
    assert audited(model, [], [w for w in model.parameters() if w.ndim < 2]).ok


def test_a_term_on_biases_is_chosen() -> None:
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1)
    regularize(optimizer, model, (1e-3 * L1()).on(biases()))
    assert audit(model, optimizer, plain_step, data()).ok


def test_without_a_decay_anywhere_terms_are_asked_for() -> None:
    model = network()
    with pytest.raises(InputError, match="got none"):
        audit(model, SGD(model.parameters(), lr=0.1), plain_step, data())
