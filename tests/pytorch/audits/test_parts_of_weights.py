"""Faults in a part of a large weight, of which an audit looks at some numbers only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW

from shrinkage import L2
from shrinkage.pytorch import audit
from shrinkage.pytorch.audits.step_call import StepCall
from shrinkage.selections import embeddings, named
from tests.pytorch.audits.audited_networks import where

STRENGTH = 0.1
ROWS, WIDTH = 20_000, 64
QKV = 320


def embedding(*, normed: bool = False) -> tuple[nn.Module, Any]:
    """Return a network whose large weight is a table, and tokens."""
    torch.manual_seed(0)
    norm = nn.LayerNorm(WIDTH) if normed else nn.Identity()
    model = nn.Sequential(nn.Embedding(ROWS, WIDTH), norm, nn.Linear(WIDTH, 3), nn.Flatten(0, 1))
    return model, torch.randint(0, ROWS, (4, 50))


def attention() -> tuple[nn.Module, Any]:
    """Return a network whose large weight holds queries, keys and values, behind a norm."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.LayerNorm(QKV), nn.Linear(QKV, 3 * QKV), nn.Linear(3 * QKV, 3))
    return model, torch.randn(64, QKV)


def taken(
    model: nn.Module, optimizer: Any, batch: Any, penalise: Callable[[], None] | None = None
) -> None:
    """Take a step; `penalise` changes gradients between backward and the optimizer's step."""
    optimizer.zero_grad()
    out = model(batch)
    nn.functional.cross_entropy(out, torch.arange(len(out)) % 3).backward()
    if penalise is not None:
        penalise()
    optimizer.step()


def decaying(name: str, part: slice, times: float) -> Any:
    """Return a step that decays a weight behind the optimizer's, a part of it otherwise."""

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        taken(model, optimizer, batch)
        rate = optimizer.param_groups[0]["lr"]
        with torch.no_grad():
            w = model.get_parameter(name)
            factors = torch.ones(len(w), 1)
            factors[part] = times
            w.sub_(rate * scale * STRENGTH * factors * w)

    return step


def pushing(name: str, part: slice, times: float, *, unseen: bool) -> Any:
    """Return a step that adds a penalty to gradients; `unseen` by autograd's count of changes."""

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        w = model.get_parameter(name)

        def penalise() -> None:
            assert w.grad is not None
            gradient = w.grad.data if unseen else w.grad
            factors = torch.ones(len(w), 1)
            factors[part] = times
            if scale:
                gradient.add_(scale * STRENGTH * factors * w.detach())

        taken(model, optimizer, batch, penalise)

    return step


def audited(kind: Any, network: tuple[nn.Module, Any], name: str, step: Any) -> Any:
    model, batch = network
    optimizer = kind(model.parameters(), lr=0.01, weight_decay=0)
    where = embeddings() if name == "0.weight" else named(name)
    return audit(model, optimizer, step, batch, (STRENGTH * L2()).on(where))


@pytest.mark.parametrize("kind", [SGD, AdamW])
@pytest.mark.parametrize("times", [0.0, 1.0, 3.0])
def test_a_decay_that_is_another_on_a_few_rows_of_a_table(kind: Any, times: float) -> None:
    step = decaying("0.weight", slice(7_000, 7_040), times)
    report = audited(kind, embedding(), "0.weight", step)
    assert ("0.weight" in where(report, "wrong-direction")) == (times != 1), report
    assert not where(report, "wrong-factor")


@pytest.mark.parametrize("kind", [SGD, AdamW])
@pytest.mark.parametrize("unseen", [False, True])
@pytest.mark.parametrize("times", [0.0, 1.0, 3.0])
def test_a_penalty_in_the_gradient_that_is_another_on_a_few_rows(
    kind: Any, unseen: bool, times: float
) -> None:
    step = pushing("0.weight", slice(7_000, 7_040), times, unseen=unseen)
    report = audited(kind, embedding(normed=True), "0.weight", step)
    assert ("0.weight" in where(report, "wrong-direction")) == (times != 1), report
    arrives = "gradient" if times == 1 else "another push"
    assert [seen.mechanism for seen in report.seen if seen.expected] == [arrives]


@pytest.mark.parametrize("kind", [SGD, AdamW])
@pytest.mark.parametrize("part", range(3))
def test_a_penalty_that_leaves_out_a_part_of_a_fused_weight(kind: Any, part: int) -> None:
    rows = slice(part * QKV, (part + 1) * QKV)
    for step in (
        decaying("1.weight", rows, 0.0),
        pushing("1.weight", rows, 0.0, unseen=False),
        pushing("1.weight", rows, 0.0, unseen=True),
    ):
        report = audited(kind, attention(), "1.weight", step)
        assert where(report, "wrong-direction") == {"1.weight"}, report


def test_one_row_that_no_term_selects_is_seen_to_change() -> None:
    model, batch = embedding()

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        taken(model, optimizer, batch)
        with torch.no_grad():
            model.get_parameter("2.weight").mul_(1 - 0.01 * scale * STRENGTH)
            model.get_parameter("0.weight")[11].mul_(1 - 0.01 * scale * STRENGTH)

    optimizer = SGD(model.parameters(), lr=0.01)
    report = audit(model, optimizer, step, batch, (STRENGTH * L2()).on("2.weight"))
    assert where(report, "unselected-changed") == {"0.weight"}, report


@pytest.mark.parametrize("unseen", [False, True])
def test_a_loop_that_writes_on_gradients_only_with_terms_is_run_with_copies(
    unseen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradients stay where they lie as long as nothing writes on them."""
    scales, call = [], StepCall.__call__

    def noted(self: StepCall, twin: Any, scale: float, *args: Any, **kwargs: Any) -> Any:
        scales.append((scale, kwargs.get("lends")))
        return call(self, twin, scale, *args, **kwargs)

    monkeypatch.setattr(StepCall, "__call__", noted)
    step = pushing("1.weight", slice(0), 1.0, unseen=unseen)
    report = audited(AdamW, attention(), "1.weight", step)
    assert scales[:4] == [(0.0, False), (1.0, True), (1.0, False), (2.0, False)]
    assert report.ok, report
    (seen,) = (seen for seen in report.seen if seen.expected)
    assert (seen.mechanism, seen.factor) == ("gradient", pytest.approx(1, rel=1e-3))


def test_a_loop_that_writes_on_no_gradient_takes_its_steps_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps, call = [], StepCall.__call__

    def noted(self: StepCall, twin: Any, scale: float, *args: Any, **kwargs: Any) -> Any:
        steps.append((scale, kwargs.get("lends")))
        return call(self, twin, scale, *args, **kwargs)

    monkeypatch.setattr(StepCall, "__call__", noted)
    report = audited(AdamW, attention(), "1.weight", decaying("1.weight", slice(0), 1.0))
    assert report.ok, report
    assert steps == [(0.0, False), (1.0, True), (2.0, True)]


@pytest.mark.parametrize("power", [1, 2])
def test_what_is_not_linear_is_told_of_large_weights(power: int) -> None:
    """At twice the strength few weights are looked at; a factor is the same in all."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(32, 700), nn.Tanh(), nn.Linear(700, 400))

    def step(model: nn.Module, optimizer: Any, batch: Any, scale: float) -> None:
        optimizer.zero_grad()
        squares = sum((w.square().sum() for w in model.parameters() if w.ndim > 1), start=0.0)
        (model(batch).pow(2).mean() + 0.01 * scale**power * squares / 2).backward()
        optimizer.step()

    optimizer = AdamW(model.parameters(), lr=0.01, weight_decay=0.0)
    report = audit(model, optimizer, step, torch.randn(8, 32), 0.01 * L2())
    assert ("not-linear" in report.rules) == (power == 2), report
