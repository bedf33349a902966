"""Where another point is evaluated than is trained, a shrink of the weights is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, Optimizer

from shrinkage import L1, L2
from shrinkage.errors import UnsupportedOptimizer
from shrinkage.pytorch import METRICS, regularize
from shrinkage.pytorch.optimizers.averages import evaluates_elsewhere
from tests.builders.convex import regression


class Averaging(Optimizer):
    """Schedule-free SGD in a few lines: z moves, x averages it, y between them is trained."""

    def __init__(self, parameters: Any, lr: float, between: float = 0.9) -> None:
        super().__init__(parameters, {"lr": lr, "count": 0})
        self.between = between

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ARG002
        for group in self.param_groups:
            group["count"] += 1
            for y in group["params"]:
                state = self.state[y]
                z = state.setdefault("z", y.clone())
                x = state.setdefault("x", y.clone())
                z.sub_(y.grad, alpha=group["lr"])
                x.lerp_(z, 1 / group["count"])
                y.copy_(z.lerp(x, self.between))

    @torch.no_grad()
    def train(self) -> None:
        for y, state in self.state.items():
            y.copy_(state["z"].lerp(state["x"], self.between))

    @torch.no_grad()
    def eval(self) -> None:
        for y, state in self.state.items():
            y.copy_(state["x"])


class Modes(Adam):
    """Has both methods, which do nothing to the weights."""

    def train(self) -> None:
        self.mode = "train"

    def eval(self) -> None:
        self.mode = "eval"


class AskingMore(Averaging):
    def step(self, closure: Any = None) -> None:  # noqa: ARG002
        raise TypeError("a step that needs more")


class Around:
    """A wrapper that averages what its optimizer does."""

    def __init__(self, base: Optimizer) -> None:
        self.base, self.means = base, {}

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return self.base.param_groups

    def step(self) -> None:
        self.base.step()

    def train(self) -> None: ...

    @torch.no_grad()
    def eval(self) -> None:
        for group in self.param_groups:
            for w in group["params"]:
                w.mul_(0.5)


class Silent(Around):
    def eval(self) -> None: ...


def model() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


MADE = {
    "sgd": (lambda p: SGD(p, lr=0.1), False),
    "both methods": (lambda p: Modes(p, lr=0.1), False),
    "averaging": (lambda p: Averaging(p, 0.1), True),
    "at a rate of 0": (lambda p: Averaging(p, 0.0), True),
    "asks for more": (lambda p: AskingMore(p, 0.1), True),
    "a wrapper that averages": (lambda p: Around(SGD(p, lr=0.1)), True),
    "a wrapper that does not": (lambda p: Silent(SGD(p, lr=0.1)), False),
    "a wrapper of an averaging one": (lambda p: Silent(Averaging(p, 0.1)), True),
}


@pytest.mark.parametrize("update", ["proximal", "decoupled"])
@pytest.mark.parametrize("name", MADE)
def test_it_is_told_by_what_it_does(name, update):
    make, averages = MADE[name]
    net = model()
    before = [w.detach().clone() for w in net.parameters()]
    optimizer = make(net.parameters())
    groups = [dict(group) for group in optimizer.param_groups]
    if averages:
        with pytest.raises(UnsupportedOptimizer, match=f"'{update}', got .* use update='gradient'"):
            regularize(optimizer, net, 0.1 * L1(), update)
    else:
        regularize(optimizer, net, 0.1 * L1(), update)
    assert [dict(group) for group in optimizer.param_groups] == groups
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    assert not optimizer.param_groups[0]["params"][0].grad


@pytest.mark.parametrize("update", ["gradient", "loss"])
def test_what_is_advised_solves_the_problem(update):
    rows, targets = (torch.from_numpy(a) for a in regression())
    net = nn.Linear(12, 1, bias=False).double()
    optimizer = Averaging(net.parameters(), 0.3)
    attachment = regularize(optimizer, net, 0.5 * L2(), update)
    for _ in range(2000):
        optimizer.zero_grad()
        loss = 0.5 * (net(rows)[:, 0] - targets).square().mean()
        (loss + attachment.loss()).backward()
        optimizer.step()
    optimizer.eval()
    gram = rows.T @ rows / len(rows) + 0.5 * torch.eye(12, dtype=torch.float64)
    ridge = torch.linalg.solve(gram, rows.T @ targets / len(rows))
    torch.testing.assert_close(net.weight.detach()[0], ridge, rtol=0, atol=1e-3)


class Sharp(SGD):
    """Asks for the gradient where the loss is larger, and steps from where it was."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        with torch.enable_grad():
            closure()
        weights = self.param_groups[0]["params"]
        pushes = [0.1 * w.grad for w in weights]
        for w, push in zip(weights, pushes, strict=True):
            w.add_(push)
        with torch.enable_grad():
            closure()
        for w, push in zip(weights, pushes, strict=True):
            w.sub_(push)
        super().step()


@pytest.mark.parametrize("update", ["proximal", "decoupled", "loss"])
def test_a_closure_that_is_asked_elsewhere(update):
    net = model()
    terms = 0.1 * L2()
    if update == "proximal":
        METRICS[Sharp] = METRICS[SGD]
    try:
        optimizer = Sharp(net.parameters(), lr=0.1)
        attachment = regularize(optimizer, net, terms, update)
    finally:
        METRICS.pop(Sharp, None)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = net(torch.ones(4, 3)).square().mean() + attachment.loss()
        loss.backward()
        return loss

    if update == "loss":
        optimizer.step(closure)
    else:
        with pytest.raises(UnsupportedOptimizer, match=r"Sharp after it has moved .*'loss'"):
            optimizer.step(closure)


@pytest.mark.parametrize("kind", ["AdamWScheduleFree", "RAdamScheduleFree", "SGDScheduleFree"])
def test_the_published_ones(kind):
    published = pytest.importorskip("schedulefree")
    optimizer = getattr(published, kind)(model().parameters())
    assert evaluates_elsewhere(optimizer)
    assert not optimizer.state
