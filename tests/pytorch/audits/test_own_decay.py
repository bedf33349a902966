"""An optimizer's own decay is measured: what it does is named, whatever it stores."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from shrinkage import L2, everything
from shrinkage.audits import Report
from shrinkage.pytorch import audit
from shrinkage.pytorch.audits.runs import Runs
from shrinkage.pytorch.audits.step_call import StepCall
from shrinkage.pytorch.audits.surroundings import Surroundings
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.optimizers import FACTS, OptimizerFacts, OwnDecay
from tests.pytorch.audits.own_optimizers import (
    PEAK,
    Direction,
    Own,
    Way,
    adaptive,
    behind,
    by_rate,
    cautious,
    corrected,
    drawn,
    faint,
    forgotten,
    implicit,
    in_gradient,
    late,
    lazy,
    momentum,
    on_matrices,
    plain,
    rescaled,
    sign,
    tripled,
    twice_in_gradient,
    without_rate,
)

DIRECTIONS = (plain, sign, momentum, adaptive)
RATE, DECAY = 0.01, 0.1


def step(model: nn.Module, optimizer: Any, batch: torch.Tensor) -> None:
    optimizer.zero_grad()
    model(batch).pow(2).mean().backward()
    optimizer.step()


def trained(model: nn.Module, optimizer: torch.optim.Optimizer) -> torch.Tensor:
    """Take three steps, so that the optimizer has a state; return the batch."""
    batch = torch.randn(16, 6, generator=torch.Generator().manual_seed(1))
    for _ in range(3):
        step(model, optimizer, batch)
    return batch


def audited(
    way: Way, direction: Direction, *, bias: bool = False, fresh: bool = True, terms: Any = None
) -> Report:
    torch.manual_seed(0)
    model = nn.Linear(6, 5, bias=bias)
    optimizer = Own(model.parameters(), RATE, DECAY, way=way, direction=direction)
    batch = torch.randn(16, 6) if fresh else trained(model, optimizer)
    return audit(model, optimizer, step, batch, terms)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("fresh", [True, False])
def test_a_decay_that_is_stored_and_never_used_has_no_effect(
    direction: Direction, fresh: bool
) -> None:
    report = audited(forgotten, direction, fresh=fresh)
    assert report.rules == ("no-effect",), str(report)
    assert report.update is None


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize(("way", "update"), [(in_gradient, "gradient"), (by_rate, "decoupled")])
def test_a_decay_that_acts_is_named_by_what_it_does(
    way: Way, update: str, direction: Direction, fresh: bool
) -> None:
    report = audited(way, direction, fresh=fresh)
    assert report.ok, str(report)
    if (way, direction) == (by_rate, plain):
        update = "gradient"  # one and the same step
    assert report.update == update, str(report)
    assert report.seen[0].factor == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("direction", [sign, momentum, adaptive])
@pytest.mark.parametrize("way", [behind, implicit])
def test_a_decay_behind_the_step_is_decoupled(way: Way, direction: Direction) -> None:
    report = audited(way, direction)
    assert report.ok
    assert report.update == "decoupled", str(report)


@pytest.mark.parametrize("direction", [plain, momentum])
def test_twice_the_decay_in_the_gradient_is_a_factor_of_two(direction: Direction) -> None:
    report = audited(twice_in_gradient, direction)
    assert report.rules == ("wrong-factor",), str(report)
    assert report.seen[0].factor == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("direction", [plain, sign, momentum, adaptive])
def test_a_decay_without_the_learning_rate_is_a_factor_of_one_over_it(direction: Direction) -> None:
    report = audited(without_rate, direction)
    assert report.rules == ("decays-otherwise",), str(report)
    assert report.seen[0].mechanism == "independent"
    assert report.seen[0].factor == pytest.approx(1 / RATE, rel=0.01)
    assert report.ok


@pytest.mark.parametrize("way", [without_rate, cautious, corrected, late, lazy])
def test_a_rule_of_its_own_is_an_error_where_terms_were_asked_for(way: Way) -> None:
    report = audited(way, adaptive, terms=DECAY * L2())
    assert not report.ok
    assert report.rules[0] == "decays-otherwise", str(report)


def test_an_optimizer_may_spare_biases_itself() -> None:
    report = audited(on_matrices, momentum, bias=True)
    assert report.rules == (), str(report)
    assert {seen.parameter: seen.expected for seen in report.seen} == {
        "weight": "0.1 * L2()",
        "bias": "",
    }


def test_a_bias_that_the_optimizer_spares_is_missed_where_terms_are_on_it() -> None:
    report = audited(on_matrices, momentum, bias=True, terms=(DECAY * L2()).on(everything()))
    assert report.rules == ("selected-unchanged", "bias-or-norm-penalised"), str(report)
    assert {seen.parameter: seen.mechanism for seen in report.seen} == {
        "weight": "gradient",
        "bias": "absent",
    }


def test_a_weight_that_the_optimizer_spares_is_missed() -> None:
    def on_convolutions(w: Any, g: Any, group: dict, direction: Direction, state: dict) -> None:
        decay = group["weight_decay"] if w.ndim == 3 else 0.0
        w.sub_(group["lr"] * direction(g + decay * w, state))

    torch.manual_seed(0)
    layers = nn.Linear(6, 5), nn.Unflatten(1, (1, 5)), nn.Conv1d(1, 2, 2), nn.Flatten()
    model = nn.Sequential(*layers)
    optimizer = Own(model.parameters(), RATE, DECAY, way=on_convolutions, direction=momentum)
    report = audit(model, optimizer, step, torch.randn(16, 6))
    missed = {f.parameter for f in report.findings if f.rule == "selected-unchanged"}
    assert missed == {"0.weight", "0.bias", "2.bias"}, str(report)


RULES = [
    (cautious, "masked", 1.0),
    (corrected, "corrected", RATE / PEAK),
    (late, "intermittent", 1.0),
    (lazy, "intermittent", 1.0),
    (drawn, "intermittent", 1.0),
    (tripled, "scaled", 3.0),
]


@pytest.mark.parametrize(("way", "rule", "factor"), RULES)
@pytest.mark.parametrize("direction", [sign, momentum, adaptive])
def test_a_rule_of_its_own_is_named_with_its_factor(
    way: Way, rule: str, factor: float, direction: Direction
) -> None:
    report = audited(way, direction)
    assert report.update is None
    assert report.rules == ("decays-otherwise",), str(report)
    assert report.seen[0].mechanism == rule
    assert report.seen[0].factor == pytest.approx(factor, rel=0.01)


def test_a_corrected_decay_says_which_largest_rate_it_has() -> None:
    """timm's is the constructor's: a schedule with another peak has another decay."""
    (finding,) = audited(corrected, adaptive).findings
    assert f"{PEAK:.3g}" in finding.remedy


@pytest.mark.parametrize("direction", [sign, adaptive])
def test_a_decay_in_a_step_that_is_rescaled_is_named(direction: Direction) -> None:
    report = audited(rescaled, direction)
    assert report.rules == ("decays-otherwise",), str(report)
    assert report.seen[0].mechanism == "rescaled"


@pytest.mark.parametrize("direction", [plain, sign, momentum, adaptive])
def test_a_decay_a_million_times_too_small_is_still_seen(direction: Direction) -> None:
    report = audited(faint, direction)
    assert report.rules == ("decays-otherwise",), str(report)
    assert report.seen[0].mechanism == "scaled"
    assert report.seen[0].factor == pytest.approx(1e-6, rel=0.01)


@pytest.mark.parametrize("fresh", [True, False])
def test_the_decay_of_muon_is_decoupled(fresh: bool) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5, bias=False), nn.Tanh(), nn.Linear(5, 3, bias=False))
    optimizer = torch.optim.Muon(model.parameters(), lr=RATE, weight_decay=DECAY)
    batch = torch.randn(16, 6) if fresh else trained(model, optimizer)
    report = audit(model, optimizer, step, batch)
    assert report.ok
    assert report.update == "decoupled", str(report)


def test_a_subclass_is_what_it_does_and_not_what_its_parent_is() -> None:
    class Coupled(torch.optim.AdamW):
        """AdamW by name; its decay goes through the metric."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            for group in self.param_groups:
                group["decoupled_weight_decay"] = False

    torch.manual_seed(0)
    model = nn.Linear(6, 5, bias=False)
    report = audit(
        model, Coupled(model.parameters(), lr=RATE, weight_decay=DECAY), step, torch.randn(16, 6)
    )
    assert report.seen[0].mechanism == "gradient", str(report)


@pytest.mark.parametrize(
    ("fact", "way", "measured"),
    [(OwnDecay.COUPLED, by_rate, "decoupled"), (OwnDecay.DECOUPLED, in_gradient, "gradient")],
)
def test_a_fact_that_disagrees_with_the_measurement_is_seen(
    monkeypatch: pytest.MonkeyPatch, fact: OwnDecay, way: Way, measured: str
) -> None:
    monkeypatch.setitem(FACTS, Own, OptimizerFacts(own_decay=fact))
    report = audited(way, adaptive, fresh=False)
    assert report.rules[0] == "wrong-update", str(report)
    assert "unlike-known" in report.rules
    assert report.seen[0].mechanism == measured


TORCH = [
    (torch.optim.SGD, {}, OwnDecay.COUPLED),
    (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}, OwnDecay.COUPLED),
    (torch.optim.SGD, {"momentum": 0.9, "maximize": True}, OwnDecay.COUPLED),
    (torch.optim.ASGD, {}, OwnDecay.COUPLED),
    (torch.optim.Adam, {}, OwnDecay.COUPLED),
    (torch.optim.Adam, {"amsgrad": True, "maximize": True}, OwnDecay.COUPLED),
    (torch.optim.Adam, {"decoupled_weight_decay": True}, OwnDecay.DECOUPLED),
    (torch.optim.AdamW, {}, OwnDecay.DECOUPLED),
    (torch.optim.AdamW, {"fused": True}, OwnDecay.DECOUPLED),
    (torch.optim.NAdam, {}, OwnDecay.COUPLED),
    (torch.optim.NAdam, {"decoupled_weight_decay": True}, OwnDecay.DECOUPLED),
    (torch.optim.RAdam, {}, OwnDecay.COUPLED),
    (torch.optim.RAdam, {"decoupled_weight_decay": True}, OwnDecay.DECOUPLED),
    (torch.optim.Adamax, {}, OwnDecay.COUPLED),
    (torch.optim.RMSprop, {"momentum": 0.9}, OwnDecay.COUPLED),
    (torch.optim.Adagrad, {}, OwnDecay.COUPLED),
    (torch.optim.Adadelta, {}, OwnDecay.COUPLED),
    (torch.optim.Adafactor, {}, OwnDecay.DECOUPLED),
    (torch.optim.Muon, {}, OwnDecay.DECOUPLED),
]


@pytest.mark.parametrize(("kind", "options", "rule"), TORCH)
@pytest.mark.parametrize("fresh", [True, False])
def test_torch_optimizers_are_measured_right_by_an_audit_that_knows_none(
    monkeypatch: pytest.MonkeyPatch, kind: Any, options: dict, rule: OwnDecay, fresh: bool
) -> None:
    monkeypatch.setattr("shrinkage.pytorch.optimizers.registry.FACTS", {})
    torch.manual_seed(0)
    model = nn.Linear(6, 5, bias=False)
    optimizer = kind(model.parameters(), lr=RATE, weight_decay=1e-5, **options)
    batch = torch.randn(16, 6) if fresh else trained(model, optimizer)
    with Surroundings(model, optimizer, step) as surroundings:
        runs = Runs(Twin(model, optimizer), StepCall(step, batch, 0), surroundings)
    measured = runs.decays["weight"]
    assert measured.rule is rule
    assert measured.factor == pytest.approx(1, abs=0.01)


class SinglePrecision(Own):
    """Takes steps in float32 alone, as one whose averages are of that dtype."""

    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for w in group["params"]:
                torch.zeros(w.shape).lerp_(w.grad, 0.1)
        super().step(closure)


def cubed(w: torch.Tensor, g: torch.Tensor, group: dict, direction: Direction, state: dict) -> None:
    w.sub_(group["lr"] * (direction(g, state) + group["weight_decay"] * w**3))


def test_an_optimizer_that_does_not_step_in_float64() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))
    options = {"lr": RATE, "weight_decay": DECAY, "way": cubed, "direction": sign}
    optimizer = SinglePrecision([model[0].weight, model[2].weight], **options)
    report = audit(model, optimizer, step, torch.randn(16, 6))
    assert report.rules == ("cannot-judge",), report
