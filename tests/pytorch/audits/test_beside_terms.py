"""An optimizer's own decay beside terms that were asked for is named as the cause."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.optim import SGD, AdamW

from shrinkage import L1, L2
from shrinkage.audits import Report
from shrinkage.pytorch import audit
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.audited_networks import data, network, plain_step, step_with

STRENGTH, DECAY = 1e-3, 0.1
WEIGHTS = {"0.weight", "2.weight"}


def audited(kind: Any, step: Any, terms: Any, *, decayed: Any = None) -> Report:
    model = network()
    vectors = [p for p in model.parameters() if p.ndim < 2]
    matrices = [p for p in model.parameters() if p.ndim > 1]
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": decayed or 0.0}]
    optimizer = kind(groups, lr=0.01, weight_decay=DECAY)
    return audit(model, optimizer, step, data(), terms)


def said(report: Report, rule: str) -> dict[str, str]:
    return {one.parameter: one.message for one in report.findings if one.rule == rule}


@pytest.mark.parametrize("kind", [SGD, AdamW])
@pytest.mark.parametrize(
    ("terms", "rule"), [(STRENGTH * L2(), "wrong-factor"), (STRENGTH * L1(), "wrong-direction")]
)
def test_a_decay_that_stands_in_for_the_terms_is_named(kind: Any, terms: Any, rule: str) -> None:
    messages = said(audited(kind, plain_step, terms), rule)
    assert messages.keys() == WEIGHTS
    named = f"{kind.__name__}'s own weight_decay=0.1"
    assert all(named in words and "neither" in words for words in messages.values())


@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_a_decay_on_top_of_the_terms_is_named(kind: Any) -> None:
    step = step_with(half_squares, STRENGTH)
    messages = said(audited(kind, step, STRENGTH * L2()), "double-counted")
    assert messages.keys() == WEIGHTS
    assert all("comes on top" in words for words in messages.values())


def test_a_decay_of_biases_is_named_where_terms_are_right() -> None:
    step = step_with(half_squares, DECAY)
    model = network()
    vectors = [p for p in model.parameters() if p.ndim < 2]
    matrices = [p for p in model.parameters() if p.ndim > 1]
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.3}]
    report = audit(model, SGD(groups, lr=0.01), step, data(), DECAY * L2())
    messages = said(report, "unselected-changed")
    assert messages.keys() == {"0.bias", "2.bias"}
    assert all("SGD's own weight_decay=0.3" in words for words in messages.values())


def test_a_wrong_factor_of_the_loop_stays_beside_the_decay() -> None:
    step = step_with(half_squares, 4 * STRENGTH)
    report = audited(SGD, step, STRENGTH * L2())
    assert "arrives 4 ±" in said(report, "wrong-factor")["0.weight"]
    assert "comes on top" in said(report, "double-counted")["0.weight"]


def test_a_decay_that_is_the_term_itself_is_right() -> None:
    assert audited(AdamW, plain_step, DECAY * L2()).rules == ()


def test_the_decay_is_back_where_nothing_depends_on_it() -> None:
    """A bias that the loop itself shrinks keeps what was said of it."""

    def step(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
        plain_step(model, optimizer, batch)
        with torch.no_grad():
            for p in model.parameters():
                p.mul_(1 - scale * 0.01)

    messages = said(audited(SGD, step, DECAY * L2(), decayed=0.2), "unselected-changed")
    assert messages.keys() == {"0.bias", "2.bias"}
    assert not any("weight_decay" in words for words in messages.values())
