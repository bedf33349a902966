"""Penalties that no `scale` multiplies: alone, in part, and where they cannot be seen."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional
from torch.optim import LBFGS, SGD, AdamW

from shrinkage import L1, L2
from shrinkage.audits import Report
from shrinkage.pytorch import audit
from tests.builders.torch_networks import absolute_values, half_squares, matrices
from tests.mutants.audit_faults.networks import RATE, STRENGTH, batch, data_loss, network

WEIGHTS = {"0.weight", "2.weight"}


def audited(loss: Any, terms: Any, optimizer: Any = None, model: Any = None) -> Report:
    def step(model: Any, optimizer: Any, data: Any, scale: float) -> None:
        optimizer.zero_grad()
        loss(model, data, scale).backward()
        optimizer.step()

    model = network() if model is None else model
    optimizer = optimizer or SGD(model.parameters(), lr=RATE)
    return audit(model, optimizer, step, batch(), terms)


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_a_penalty_alone_is_told_with_its_factor(factor: float) -> None:
    def loss(model: Any, data: Any, scale: float) -> Any:
        del scale
        return data_loss(model, data) + factor * STRENGTH * half_squares(model)

    report = audited(loss, STRENGTH * L2())
    rule = "not-linear" if factor == 1 else "wrong-factor"
    assert report.rules == (rule,), str(report)
    assert {said.parameter for said in report.findings} == WEIGHTS
    assert f"({factor:g} times), and no `scale` multiplies it" in report.findings[0].message


def test_a_penalty_in_a_line_search_is_told() -> None:
    def step(model: Any, optimizer: Any, data: Any) -> None:
        def closure() -> Any:
            optimizer.zero_grad()
            loss = data_loss(model, data) + STRENGTH * half_squares(model)
            loss.backward()
            return loss

        optimizer.step(closure)

    model = network()
    report = audit(model, LBFGS(model.parameters(), lr=0.1), step, batch(), STRENGTH * L2())
    assert report.rules == ("not-linear",), str(report)
    assert report.ok


def test_of_two_terms_the_one_is_told_that_scale_does_not_multiply() -> None:
    def loss(model: Any, data: Any, scale: float) -> Any:
        scaled = scale * 0.01 * absolute_values(model)
        return data_loss(model, data) + scaled + STRENGTH * half_squares(model)

    report = audited(loss, 0.01 * L1() + STRENGTH * L2())
    assert report.rules == ("wrong-factor", "not-linear"), str(report)
    assert "got L1() with 0.01 and L2() with 0" in str(report)
    assert "0.1 * L2() acts in the gradient" in str(report)


def test_where_no_module_is_called_the_verdict_is_of_what_scale_multiplies() -> None:
    def loss(model: Any, data: Any, scale: float) -> Any:
        del scale
        hidden = torch.tanh(functional.linear(data[0], model[0].weight, model[0].bias))
        output = functional.linear(hidden, model[2].weight, model[2].bias)
        return functional.mse_loss(output, data[1])

    model = network()
    decays = AdamW(matrices(model), lr=RATE, weight_decay=STRENGTH)
    report = audited(loss, None, decays, model)
    assert report.only_scaled
    assert report.rules == ("cannot-judge",)
    assert "ok: what `scale` multiplies arrives once" in str(report)


def test_hooks_on_the_optimizer_are_told() -> None:
    model = network()
    optimizer = AdamW(matrices(model), lr=RATE, weight_decay=STRENGTH)
    optimizer.register_step_post_hook(lambda *_: None)
    report = audited(lambda model, data, _: data_loss(model, data), None, optimizer, model)
    assert report.only_scaled
    assert "hooks on its step" in report.findings[0].message
