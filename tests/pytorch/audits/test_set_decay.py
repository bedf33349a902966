"""A loop that sets `weight_decay` in the groups itself is audited with what it sets."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW

from shrinkage import L2
from shrinkage.pytorch import audit
from tests.pytorch.audits.audited_networks import data, network, plain_step

STRENGTH = 0.05


def setting(value: float, *, scaled: bool = False) -> Any:
    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        for group in optimizer.param_groups:
            group["weight_decay"] = value * scale if scaled else value
        plain_step(model, optimizer, batch)

    return step


def matrices(model: nn.Module) -> list[torch.Tensor]:
    return [w for w in model.parameters() if w.ndim > 1]


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
@pytest.mark.parametrize("built", [0.0, 0.01, STRENGTH])
@pytest.mark.parametrize("scaled", [False, True])
def test_the_terms_are_what_the_loop_sets(kind: Any, built: float, scaled: bool) -> None:
    model = network()
    optimizer = kind(matrices(model), lr=0.1, weight_decay=built)
    step = setting(STRENGTH, scaled=scaled)
    report = audit(model, optimizer, step, data(), STRENGTH * L2())
    assert report.ok, str(report)
    assert optimizer.param_groups[0]["weight_decay"] == built


@pytest.mark.parametrize("built", [0.0, 0.01])
def test_without_terms_it_is_read_as_the_loop_sets_it(built: float) -> None:
    model = network()
    optimizer = AdamW(matrices(model), lr=0.1, weight_decay=built)
    report = audit(model, optimizer, setting(STRENGTH), data())
    assert report.ok, str(report)
    assert {seen.expected for seen in report.seen} == {"", "0.05 * L2()"}


def test_another_decay_than_the_terms() -> None:
    model = network()
    optimizer = AdamW(matrices(model), lr=0.1, weight_decay=STRENGTH)
    report = audit(model, optimizer, setting(3 * STRENGTH), data(), STRENGTH * L2())
    assert report.rules == ("wrong-factor",), str(report)


def test_a_loop_that_turns_the_decay_off() -> None:
    model = network()
    optimizer = AdamW(matrices(model), lr=0.1, weight_decay=STRENGTH)
    assert audit(model, optimizer, setting(0.0), data()).rules == ("no-effect",)
