"""Optimizers around optimizers: what only hands the step on is looked through, no other."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import AdamW

from shrinkage.pytorch import audit
from shrinkage.pytorch.audits.wrappers import stepping
from tests.pytorch.audits.audited_networks import data, decayed, network, plain_step


class Around(torch.optim.Optimizer):
    """Shows the groups of the optimizer inside, and steps it."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer
        self._optimizer_step_pre_hooks: Any = OrderedDict()
        self._optimizer_step_post_hooks: Any = OrderedDict()
        self._patch_step_function()

    @property
    def param_groups(self) -> Any:  # type: ignore[override]
        return self.optimizer.param_groups

    @property
    def state(self) -> Any:  # type: ignore[override]
        return self.optimizer.state

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.optimizer.zero_grad(set_to_none)

    def step(self, closure: Any = None) -> Any:
        return self.optimizer.step(closure)


class Tripled(Around):
    """Decays twice more than the optimizer inside."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for w in group["params"]:
                w.mul_(1 - 2 * group["lr"] * group["weight_decay"])
        return self.optimizer.step(closure)


def step(model: nn.Module, optimizer: Any, batch: torch.Tensor) -> None:
    optimizer.zero_grad()
    model(batch).pow(2).mean().backward()
    optimizer.step()


def built(kind: type[Around]) -> tuple[nn.Module, Around]:
    torch.manual_seed(0)
    model = nn.Linear(6, 5, bias=False)
    return model, kind(torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1))


def test_what_only_hands_the_step_on_is_looked_through() -> None:
    model, optimizer = built(Around)
    before = model.weight.detach().clone()
    assert stepping(optimizer) == (optimizer.optimizer, True)
    report = audit(model, optimizer, step, torch.randn(16, 6))
    assert report.ok
    assert report.update == "decoupled"
    assert torch.equal(model.weight, before)


def test_what_changes_the_step_is_audited_itself() -> None:
    model, optimizer = built(Tripled)
    before = model.weight.detach().clone()
    assert stepping(optimizer) == (optimizer, True)
    report = audit(model, optimizer, step, torch.randn(16, 6))
    assert report.rules == ("decays-otherwise",)
    assert report.seen[0].mechanism == "scaled"
    assert report.seen[0].factor == pytest.approx(3, rel=0.03)  # one after the other
    assert torch.equal(model.weight, before)
    assert not optimizer.state


class Slow:
    """A wrapper of no base class, which keeps weights of its own and writes on them."""

    def __init__(self, base: Any) -> None:
        self.base, self.param_groups = base, base.param_groups
        self.slow = [[p.detach().clone() for p in group["params"]] for group in base.param_groups]
        self.seen = {"steps": torch.zeros(())}

    def zero_grad(self) -> None:
        self.base.zero_grad()

    @torch.no_grad()
    def step(self) -> None:
        self.base.step()
        self.seen["steps"] += 1
        for group, slow in zip(self.param_groups, self.slow, strict=True):
            for p, w in zip(group["params"], slow, strict=True):
                w.add_(p - w, alpha=0.5)
                p.copy_(w)


def test_what_a_wrapper_writes_on_is_as_it_was_in_every_run() -> None:
    model = network()
    optimizer = Slow(decayed(model, AdamW))
    before = [w.clone() for slow in optimizer.slow for w in slow]
    report = audit(model, optimizer, plain_step, data())
    assert report.ok, str(report)
    assert [s.factor for s in report.seen if s.expected] == pytest.approx([1, 1], abs=0.01)
    after = [w for slow in optimizer.slow for w in slow]
    assert all(torch.equal(w, old) for w, old in zip(after, before, strict=True))
    assert int(optimizer.seen["steps"]) == 0
