"""A closure whose loss and gradient have another penalty each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional
from torch.optim import LBFGS, SGD

from shrinkage import L2
from shrinkage.pytorch import audit
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.audited_networks import data, network

STRENGTH = 0.02


def in_both(loss: Any, penalty: Any) -> Any:
    total = loss + penalty
    total.backward()
    return total


def in_the_loss_alone(loss: Any, penalty: Any) -> Any:
    loss.backward()
    return loss + penalty


def in_the_gradient_alone(loss: Any, penalty: Any) -> Any:
    (loss + penalty).backward()
    return loss


def report_of(way: Callable[[Any, Any], Any], kind: Any = LBFGS, **options: Any) -> Any:
    def training_step(model: Any, optimizer: Any, batch: Any, scale: float) -> None:
        def closure() -> Any:
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(batch[0]), batch[1])
            return way(loss, scale * STRENGTH * half_squares(model))

        optimizer.step(closure)

    model = network()
    optimizer = kind(model.parameters(), **{"lr": 0.5} | options)
    return audit(model, optimizer, training_step, data(), STRENGTH * L2())


SEARCH = {"line_search_fn": "strong_wolfe", "max_iter": 4}


@pytest.mark.parametrize("options", [SEARCH, {"max_iter": 4}])
def test_a_penalty_in_loss_and_gradient_is_right(options):
    assert report_of(in_both, **options).rules == ()


def test_a_penalty_that_is_in_the_loss_alone():
    report = report_of(in_the_loss_alone, **SEARCH)
    assert report.rules == ("no-effect",), report
    assert "backward() ran without it" in report.findings[0].message


def test_a_penalty_that_is_in_the_gradient_alone():
    report = report_of(in_the_gradient_alone, **SEARCH)
    assert report.rules == ("wrong-direction",), report
    assert "return the sum" in report.findings[0].remedy


@pytest.mark.parametrize(("kind", "options"), [(SGD, {}), (LBFGS, {"max_iter": 4})])
def test_a_loss_that_no_optimizer_compares_may_be_that_of_the_data(kind, options):
    assert report_of(in_the_gradient_alone, kind, **options).rules == ()


@pytest.mark.parametrize("returned", [None, "loss", (1, 2)], ids=str)
def test_a_closure_that_returns_no_number_is_taken(returned):
    def way(loss: Any, penalty: Any) -> Any:
        torch.add(loss, penalty).backward()
        return returned

    assert report_of(way, SGD).rules == ()
