"""Corrected and cautious decay: the published rules, beside any optimizer."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, lr_scheduler

from shrinkage import L1, L2, ElasticNet, audit, fit_path
from shrinkage.errors import InputError, UnsupportedOptimizer
from shrinkage.pytorch import attach, regularize
from shrinkage.pytorch import audit as audit_torch
from shrinkage.scratch import Affine, Network, Regularization
from shrinkage.terms import Part
from tests.builders.torch_networks import equal, parameters_of
from tests.pytorch.small_training import loss_of, network, sgd, train

DECAY = 0.2


def wave(step: int) -> float:
    """A schedule that warms up, and falls."""
    return min(1.0, (step + 1) / 4) * 0.8 ** max(0, step - 6)


def scheduled(kind, update: str, steps: int = 12):
    model = network()
    optimizer = kind(model.parameters(), lr=0.05)
    schedule = lr_scheduler.LambdaLR(optimizer, wave)
    attachment = regularize(optimizer, model, DECAY * L2(), update)
    rates = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return model, attachment, rates


@pytest.mark.parametrize("update", ["corrected", "decoupled"])
def test_at_one_rate_corrected_is_decoupled(update):
    ends = []
    for own in ("decoupled", update):
        model = network()
        optimizer = sgd(model, momentum=0.9)
        regularize(optimizer, model, DECAY * L2(), own)
        ends.append(train(model, optimizer))
    assert equal(*ends)


def test_corrected_decay_falls_with_the_square_of_the_rate():
    """The schedule has not reached its peak yet, but the group names it."""
    model, _, rates = scheduled(SGD, "corrected")
    plain = network()
    peak = max(rates)
    for rate in rates:
        plain.zero_grad()
        loss_of(plain).backward()
        with torch.no_grad():
            for w in plain.parameters():
                if w.ndim > 1:
                    w.mul_(1 - rate * rate / peak * DECAY)
                w.sub_(w.grad, alpha=rate)
    for ours, theirs in zip(parameters_of(model), parameters_of(plain), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)


def test_the_largest_rate_that_was_seen_counts_and_is_saved():
    model = network()
    optimizer = sgd(model)
    attachment = regularize(optimizer, model, DECAY * L2(), "corrected")
    train(model, optimizer, 1)
    optimizer.param_groups[0]["lr"] = 0.01
    other = copy.deepcopy(model)
    again = SGD(other.parameters(), lr=0.01)
    resumed = regularize(again, other, DECAY * L2(), "corrected")
    resumed.load_state_dict(attachment.state_dict())
    assert equal(train(model, optimizer), train(other, again))
    assert attachment.state_dict()["largest"] == {"0.weight": 0.05, "3.weight": 0.05}


def by_hand(w: torch.Tensor, step: torch.Tensor, rate: float) -> torch.Tensor:
    return w + step - rate * DECAY * w * (-step * w >= 0)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_cautious_decay_is_the_published_rule(kind):
    model, plain = network(), network()
    optimizer, other = kind(model.parameters(), lr=0.05), kind(plain.parameters(), lr=0.05)
    regularize(optimizer, model, DECAY * L2(), "cautious")
    spared = 0
    for _ in range(6):
        before = parameters_of(plain)
        train(model, optimizer, 1)
        train(plain, other, 1)
        for w, start in zip(plain.parameters(), before, strict=True):
            if w.ndim > 1:
                moved = w.detach() - start
                spared += int((moved * start > 0).sum())
                w.data.copy_(by_hand(start, moved, 0.05))
        for a, b in zip(parameters_of(model), parameters_of(plain), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)
    assert spared > 20


@pytest.mark.parametrize(("update", "end"), [("cautious", 1.0), ("decoupled", 2 / 3)])
def test_cautious_decay_leaves_the_optimum_of_the_loss(update, end):
    w = nn.Parameter(torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64))
    optimizer = SGD([w], lr=0.1)
    attach(optimizer, {w: [Part(0.5, L2(), update=update)]})
    for _ in range(500):
        w.grad = w.detach() - 1
        optimizer.step()
    torch.testing.assert_close(w.detach(), torch.full_like(w, end), rtol=0, atol=1e-6)


@pytest.mark.parametrize("update", ["corrected", "cautious"])
def test_stacked_is_one_at_a_time(update):
    start = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(0)).double()
    strengths = torch.tensor([0.0, 0.1, 0.5], dtype=torch.float64)
    together = nn.Parameter(start.clone())
    optimizer = SGD([together], lr=0.1)
    attach(optimizer, {together: [Part(strengths, L2(), update=update)]}, stacked=1)
    alone = [nn.Parameter(w.clone()) for w in start]
    peers = [SGD([w], lr=0.1) for w in alone]
    for peer, w, own in zip(peers, alone, strengths, strict=True):
        attach(peer, {w: [Part(float(own), L2(), update=update)]})
    for _ in range(5):
        together.grad = together.detach() - 0.2
        optimizer.step()
        for peer, w in zip(peers, alone, strict=True):
            w.grad = w.detach() - 0.2
            peer.step()
    torch.testing.assert_close(together.detach(), torch.stack([w.detach() for w in alone]))


@pytest.mark.parametrize("update", ["corrected", "cautious"])
def test_beside_proximal_l1_and_an_optimizer_that_is_not_known(update):
    class Other(SGD):
        def step(self, closure=None):
            return super().step(closure)

    model = network()
    optimizer = sgd(model)
    attachment = regularize(optimizer, model, [0.05 * L1(), (DECAY * L2()).with_update(update)])
    assert f"proximal + {update}" in attachment.table()
    train(model, optimizer)
    model = network()
    optimizer = Other(model.parameters(), lr=0.05)
    regularize(optimizer, model, DECAY * L2(), update)
    assert not equal(train(model, optimizer), train(network(), sgd(network())))


@pytest.mark.parametrize("update", ["corrected", "cautious"])
class TestRefusals:
    def test_other_penalties(self, update):
        model = network()
        for penalty in (L1(), ElasticNet(0.5)):
            with pytest.raises(InputError, match=r"expected L2 about zero .* got L1\(\)"):
                regularize(sgd(model), model, 0.1 * penalty, update)
        around = (0.1 * L2()).around(model.state_dict())
        with pytest.raises(InputError, match="expected L2 about zero"):
            regularize(sgd(model), model, around, update)

    def test_elsewhere(self, update):
        here = f"here, got '{update}'"
        with pytest.raises(InputError, match=here):
            Regularization(Network([Affine(2, 1)]).infos, 0.5 * L2(), update)
        rows, own = np.zeros((10, 2)), (0.5 * L2()).with_update(update)
        with pytest.raises(InputError):
            fit_path("linear", rows, rows[:, 0], penalty=L2(), update=update)
        with pytest.raises(InputError, match=here):
            audit(lambda _: ({"w": rows}, {"w": rows + 1}), own, learning_rate=0.1)

    def test_an_audit_of_attached_terms(self, update):
        model = network()
        optimizer = sgd(model)
        regularize(optimizer, model, DECAY * L2(), update)

        def step(model, optimizer, batch):  # noqa: ARG001
            optimizer.zero_grad()
            loss_of(model).backward()
            optimizer.step()

        with pytest.raises(InputError, match=f"here, got '{update}'"):
            audit_torch(model, optimizer, step, torch.ones(1))

    def test_lbfgs(self, update):
        model = network()
        with pytest.raises(UnsupportedOptimizer, match=update):
            regularize(torch.optim.LBFGS(model.parameters()), model, 0.1 * L2(), update)
