"""A decay of the optimizer beside a penalty of another kind: a mixture, that may be meant."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn
from torch.optim import SGD, Adam, AdamW

from shrinkage import L1, L2, ElasticNet
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

STRENGTH, DECAY = 1e-3, 0.05
WEIGHTS = {"0.weight", "2.weight"}
NET = STRENGTH * L1() + DECAY * L2()
KINDS = [SGD, Adam, AdamW]


def magnitudes(model: nn.Module) -> Any:
    return sum(w.abs().sum() for w in model.parameters() if w.ndim > 1)


def errors(report: Any) -> set[str]:
    return {said.rule for said in report.findings if said.severity == "error"}


def attached(kind: Any, terms: Any, update: str = "proximal") -> tuple[Any, Any]:
    model = network()
    optimizer = decayed(model, kind, weight_decay=DECAY)
    regularize(optimizer, model, terms, update)
    return model, optimizer


pytestmark = pytest.mark.filterwarnings("ignore:.*has its own weight_decay:UserWarning")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("update", ["proximal", "gradient", "decoupled"])
def test_attached_l1_beside_a_decay_is_a_warning(kind: Any, update: str) -> None:
    report = audit(*attached(kind, STRENGTH * L1(), update), plain_step, data())
    assert report.ok, str(report)
    assert where(report, "penalised-twice") == WEIGHTS, str(report)
    (said, *_) = (said for said in report.findings if said.rule == "penalised-twice")
    assert said.severity == "warning"
    assert "an elastic net" in said.message
    assert f"weight_decay={DECAY:g}" in said.message
    seen = {one.parameter: one for one in report.seen if one.parameter in WEIGHTS}
    assert all(one.factor == pytest.approx(1, abs=0.01) for one in seen.values()), str(report)
    assert report.update is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("update", ["proximal", "gradient", "decoupled"])
def test_terms_that_name_both_are_right(kind: Any, update: str) -> None:
    report = audit(*attached(kind, STRENGTH * L1(), update), plain_step, data(), NET)
    assert report.ok, str(report)
    assert set(report.rules) <= {"coupled-through-adam"}, str(report)


@pytest.mark.parametrize("kind", KINDS)
def test_terms_that_name_both_are_right_where_the_loop_adds_one(kind: Any) -> None:
    model = network()
    optimizer = decayed(model, kind, weight_decay=DECAY)
    step = step_with(magnitudes, STRENGTH)
    right = audit(model, optimizer, step, data(), NET)
    assert right.ok
    both = "gradient + decoupled" if kind is AdamW else "gradient"
    assert {one.mechanism for one in right.seen if one.expected} == {right.update} == {both}
    assert not audit(model, optimizer, plain_step, data(), NET).ok
    wrong = audit(model, optimizer, step_with(magnitudes, 2 * STRENGTH), data(), NET)
    assert where(wrong, "wrong-factor") == WEIGHTS, str(wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_a_decay_on_top_of_a_loop_that_does_both_is_named(kind: Any) -> None:
    model = network()
    optimizer = decayed(model, kind, weight_decay=DECAY)

    def both(model: nn.Module) -> Any:
        return STRENGTH * magnitudes(model) + DECAY * half_squares(model)

    report = audit(model, optimizer, step_with(both, 1.0), data(), NET)
    assert where(report, "double-counted") == WEIGHTS, str(report)
    assert errors(report) == {"double-counted"}, str(report)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("terms", [0.02 * L2(), DECAY * L2(), STRENGTH * ElasticNet(l1_ratio=0.5)])
def test_two_of_one_kind_are_an_error(kind: Any, terms: Any) -> None:
    report = audit(*attached(kind, terms), plain_step, data())
    assert errors(report) == {"penalised-twice"}, str(report)
    assert where(report, "penalised-twice") == WEIGHTS


@pytest.mark.parametrize("kind", KINDS)
def test_terms_that_do_not_name_the_decay_have_it_on_top(kind: Any) -> None:
    report = audit(*attached(kind, STRENGTH * L1()), plain_step, data(), STRENGTH * L1())
    assert not report.ok, str(report)


@pytest.mark.parametrize("kind", KINDS)
def test_attached_l1_beside_a_decay_and_again_in_the_loss(kind: Any) -> None:
    step = step_with(magnitudes, STRENGTH)
    report = audit(*attached(kind, STRENGTH * L1()), step, data())
    assert where(report, "double-counted") == WEIGHTS, str(report)
    assert errors(report) == {"double-counted"}, str(report)


def test_exchanged_strengths_are_named() -> None:
    def training_step(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
        def penalty(model: Any) -> Any:
            return DECAY * magnitudes(model) + STRENGTH * half_squares(model)

        step_with(penalty, 1.0)(model, optimizer, batch, scale)

    model = network()
    report = audit(model, SGD(model.parameters(), lr=0.1), training_step, data(), NET)
    assert where(report, "wrong-factor") == WEIGHTS, str(report)
    assert "got L1() with 0.05 and L2() with 0.001: strengths are exchanged" in str(report)
