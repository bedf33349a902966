"""A subclass whose step calls its parent's: terms act once, and the audit counts one step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn, optim

from shrinkage import L1, L2
from shrinkage.pytorch import audit, regularize


class Logged(optim.SGD):
    """SGD with a step of its own, which calls SGD's."""

    def step(self, closure: Any = None) -> Any:
        return super().step(closure)


class Twice(Logged):
    """Two levels above SGD."""

    def step(self, closure: Any = None) -> Any:
        return super().step(closure)


def stepped(kind: type[optim.SGD], update: str) -> torch.Tensor:
    """Return the weights after two steps with terms."""
    optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)  # torch wraps the parent's step from now on
    torch.manual_seed(0)
    model = nn.Linear(6, 5)
    optimizer = kind(model.parameters(), lr=0.1)
    attachment = regularize(optimizer, model, 0.01 * L1() + 0.1 * L2(), update)
    x = torch.randn(8, 6)
    for _ in range(2):
        optimizer.zero_grad()
        model(x).pow(2).mean().backward()
        optimizer.step()
    assert attachment.steps == 2
    return model.weight.detach()


@pytest.mark.parametrize("update", ["gradient", "decoupled"])
@pytest.mark.parametrize("kind", [Logged, Twice])
def test_terms_act_once_in_a_step_within_a_step(kind: type[optim.SGD], update: str) -> None:
    assert torch.equal(stepped(kind, update), stepped(optim.SGD, update))


@pytest.mark.parametrize("kind", [Logged, Twice])
def test_the_audit_counts_one_step(kind: type[optim.SGD]) -> None:
    optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)
    torch.manual_seed(0)
    model = nn.Linear(6, 5, bias=False)

    def step(model: nn.Module, optimizer: Any, batch: torch.Tensor) -> None:
        optimizer.zero_grad()
        model(batch).pow(2).mean().backward()
        optimizer.step()

    optimizer = kind(model.parameters(), lr=0.01, weight_decay=0.1)
    assert audit(model, optimizer, step, torch.randn(16, 6)).ok
