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


@pytest.mark.parametrize("kind", [SGD, AdamW])
@pytest.mark.parametrize("built", [0.0, 0.1])
@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_a_loop_that_sets_its_rate(kind: Any, built: float, factor: float) -> None:
    def step(model: nn.Module, optimizer: Any, batch: Any) -> None:
        for group in optimizer.param_groups:
            group["lr"] = 0.01
        plain_step(model, optimizer, batch)

    model = network()
    optimizer = kind(matrices(model), lr=built, weight_decay=factor * STRENGTH)
    report = audit(model, optimizer, step, data(), STRENGTH * L2())
    assert report.rules == (() if factor == 1 else ("wrong-factor",)), report
    assert optimizer.param_groups[0]["lr"] == built


def adding(name: str, decay: float) -> Any:
    """Return a step that puts a frozen parameter into the optimizer, as a thawed layer is."""

    def step(model: nn.Module, optimizer: Any, batch: Any) -> None:
        added = model.get_parameter(name)
        added.requires_grad_(True)
        optimizer.add_param_group({"params": [added], "weight_decay": decay})
        plain_step(model, optimizer, batch)

    return step


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
@pytest.mark.parametrize(
    ("name", "decay", "rules"),
    [
        ("2.weight", STRENGTH, set()),
        ("2.weight", 0.0, {"selected-unchanged"}),
        ("2.weight", 2 * STRENGTH, {"wrong-factor"}),
        ("2.bias", 0.0, set()),
        ("2.bias", STRENGTH, {"unselected-changed"}),
    ],
)
def test_a_loop_that_adds_a_group(kind: Any, name: str, decay: float, rules: set[str]) -> None:
    model = network()
    model.get_parameter(name).requires_grad_(False)
    held = [w for w in matrices(model) if w.requires_grad]
    optimizer = kind(held, lr=0.01, weight_decay=STRENGTH)
    report = audit(model, optimizer, adding(name, decay), data(), STRENGTH * L2())
    assert {said.rule for said in report.findings if said.severity == "error"} == rules, report
    assert {said.parameter for said in report.findings if said.severity == "error"} <= {name}
    assert len(optimizer.param_groups) == 1
    assert not model.get_parameter(name).requires_grad


class Schedule:
    """Sets the decay in front of every step, in the optimizer that it was built with."""

    def __init__(self, optimizer: Any, decay: float) -> None:
        self.optimizer, self.decay = optimizer, decay

    def step(self) -> None:
        for group in self.optimizer.param_groups:
            group["weight_decay"] = self.decay


@pytest.mark.parametrize("kind", [SGD, AdamW])
@pytest.mark.parametrize("built", [0.0, STRENGTH])
@pytest.mark.parametrize("sets", [0.0, STRENGTH, 3 * STRENGTH])
def test_a_schedule_that_holds_the_optimizer(kind: Any, built: float, sets: float) -> None:
    model = network()
    optimizer = kind(matrices(model), lr=0.1, weight_decay=built)
    schedule = Schedule(optimizer, sets)

    def step(model: nn.Module, optimizer: Any, batch: Any) -> None:
        schedule.step()
        plain_step(model, optimizer, batch)

    report = audit(model, optimizer, step, data(), STRENGTH * L2())
    expected = {0.0: ("no-effect",), STRENGTH: (), 3 * STRENGTH: ("wrong-factor",)}[sets]
    assert report.rules == expected, report
    assert optimizer.param_groups[0]["weight_decay"] == built


def multiplying(by: float) -> Any:
    """Return a step that lets the decay fall, or grow, by a share of itself."""

    def step(model: nn.Module, optimizer: Any, batch: Any) -> None:
        for group in optimizer.param_groups:
            group["weight_decay"] *= by
        plain_step(model, optimizer, batch)

    return step


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
@pytest.mark.parametrize("by", [0.5, 0.99, 1.02])
def test_a_decay_that_the_loop_multiplies_is_read_as_it_steps(kind: Any, by: float) -> None:
    model = network()
    optimizer = kind(matrices(model), lr=0.1, weight_decay=STRENGTH)
    report = audit(model, optimizer, multiplying(by), data())
    assert report.ok, str(report)
    assert {seen.expected for seen in report.seen} == {"", f"{by * STRENGTH:g} * L2()"}
    assert optimizer.param_groups[0]["weight_decay"] == STRENGTH


def test_a_decay_that_the_loop_multiplies_is_held_against_the_terms() -> None:
    model = network()
    optimizer = AdamW(matrices(model), lr=0.1, weight_decay=STRENGTH)
    report = audit(model, optimizer, multiplying(0.5), data(), STRENGTH * L2())
    assert report.rules == ("wrong-factor",), str(report)
    assert [seen.factor for seen in report.seen if seen.expected] == pytest.approx([0.5, 0.5], 0.01)
