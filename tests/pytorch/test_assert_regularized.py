"""`assert_regularized` passes on a right loop, and fails with the whole report on a wrong one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from shrinkage import L2
from shrinkage.errors import InputError
from shrinkage.pytorch import assert_regularized


def loop(factor):
    def training_step(model, optimizer, batch, scale):
        optimizer.zero_grad()
        penalty = scale * factor * 0.01 * model.weight.pow(2).sum() / 2
        (model(batch).pow(2).mean() + penalty).backward()
        optimizer.step()

    return training_step


@pytest.fixture
def given():
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    return model, torch.optim.SGD(model.parameters(), lr=0.1), torch.randn(8, 4)


def test_right_and_wrong(given):
    model, optimizer, batch = given
    terms = 0.01 * L2()
    report = assert_regularized(model, optimizer, loop(1), batch, terms)
    assert report.ok
    with pytest.raises(AssertionError, match="wrong-factor"):
        assert_regularized(model, optimizer, loop(2), batch, terms)
    left = assert_regularized(model, optimizer, loop(2), batch, terms, ignore=["wrong-factor"])
    assert left.findings == ()


def test_warnings_count_on_demand(given):
    model, _, batch = given
    adam = torch.optim.Adam(model.parameters())
    assert assert_regularized(model, adam, loop(1), batch, 0.01 * L2()).ok
    with pytest.raises(AssertionError, match="coupled-through-adam"):
        assert_regularized(model, adam, loop(1), batch, 0.01 * L2(), warnings=True)


def test_an_unknown_rule_is_refused(given):
    model, optimizer, batch = given
    with pytest.raises(InputError, match="did you mean no-effect"):
        assert_regularized(model, optimizer, loop(1), batch, 0.01 * L2(), ignore=["no-efect"])
