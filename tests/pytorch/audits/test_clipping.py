"""Gradients that are scaled down between backward and the step, and a penalty that is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW

from shrinkage import L1, L2
from shrinkage.pytorch import audit, regularize
from tests.pytorch.audits.audited_networks import data, decayed, network, where

STRENGTH = 1e-4
LOSS = 1000.0  # as a sum over pixels is
Scaling = Callable[[list[nn.Parameter]], None]


def wide() -> nn.Sequential:
    return network().double()


def rows() -> Any:
    x, y = data()
    return x.double(), y


def norm_of(model: nn.Module) -> float:
    """Return the norm of the data's gradient, by plain code."""
    x, y = rows()
    loss = LOSS * nn.functional.cross_entropy(model(x), y)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    return float(torch.cat([g.flatten() for g in gradients]).norm())


def by_norm(share: float) -> Scaling:
    """Return torch's clipping, to a share of the norm that there is."""

    def scale(parameters: list[nn.Parameter]) -> None:
        norm = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None]).norm()
        nn.utils.clip_grad_norm_(parameters, share * float(norm))

    return scale


def by_hand(share: float) -> Scaling:
    """Return a multiplication, named nowhere."""

    def scale(parameters: list[nn.Parameter]) -> None:
        for p in parameters:
            if p.grad is not None:
                p.grad *= share

    return scale


def rows_by_hand(share: float) -> Scaling:
    """Return one that cuts every row by itself."""

    def scale(parameters: list[nn.Parameter]) -> None:
        for p in parameters:
            if p.grad is not None:
                by = torch.linspace(share, 1.2 * share, len(p.grad)).to(p.grad.dtype)
                p.grad *= by.reshape(-1, *[1] * (p.grad.ndim - 1))

    return scale


def layers_by_norm(share: float) -> Scaling:
    """Return one that cuts every parameter by itself."""

    def scale(parameters: list[nn.Parameter]) -> None:
        for number, p in enumerate(parameters):
            by_norm(share * (1 + number / 10))([p])

    return scale


def clipped(scale: Scaling, penalty: Any = None, *, behind: bool = False) -> Any:
    """Return a step; a penalty is in the loss, or `behind` the clipping in the gradient."""

    def step(model: nn.Module, optimizer: Any, batch: Any, strength: float = 1.0) -> None:
        optimizer.zero_grad()
        loss = LOSS * nn.functional.cross_entropy(model(batch[0]), batch[1])
        if penalty is not None and not behind:
            loss = loss + strength * STRENGTH * penalty(model)
        loss.backward()
        scale(list(model.parameters()))
        for w in model.parameters() if behind else ():
            if w.ndim > 1 and w.grad is not None:
                w.grad.add_(w.detach(), alpha=strength * STRENGTH)
        optimizer.step()

    return step


def half_squares(model: nn.Module) -> Any:
    return sum(w.square().sum() / 2 for w in model.parameters() if w.ndim > 1)


@pytest.mark.parametrize("update", ["proximal", "decoupled", "gradient"])
@pytest.mark.parametrize("way", [by_norm, by_hand])
def test_attached_terms_are_not_clipped_with_the_data(update: str, way: Any) -> None:
    model = wide()
    optimizer = SGD(model.parameters(), lr=1e-5)
    regularize(optimizer, model, STRENGTH * (L2() if update == "gradient" else L1()), update=update)
    report = audit(model, optimizer, clipped(way(1 / 70.5)), rows())
    assert report.ok, report
    (said,) = [one for one in report.findings if one.rule == "clipped"]
    assert said.severity == "warning"
    assert "divided by 70.5" in said.message, said.message
    assert f"{norm_of(wide()):.3g}" in said.message
    assert f"{STRENGTH / 70.5:.2g}" in said.remedy


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_a_decay_that_the_optimizer_adds_to_the_gradient(kind: Any) -> None:
    model = wide()
    report = audit(model, decayed(model, kind), clipped(by_norm(0.1)), rows())
    assert [s.severity for s in report.findings if s.rule == "clipped"] == ["warning"], report


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("way", [by_norm, by_hand, rows_by_hand, layers_by_norm])
def test_a_penalty_that_is_added_behind_the_clipping(kind: Any, way: Any) -> None:
    """Small beside the gradient: it turns that by less than 1e-6."""
    model = wide()
    step = clipped(way(0.117), behind=True)
    report = audit(model, kind(model.parameters(), lr=0.01), step, rows(), STRENGTH * L2())
    assert report.ok, report
    assert report.update == "gradient" or kind is SGD  # the same there
    factors = [seen.factor for seen in report.seen if seen.expected]
    assert factors == pytest.approx([1.0, 1.0], rel=0.01)
    assert [s.severity for s in report.findings if s.rule == "clipped"] == ["warning"], report


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_a_penalty_in_the_loss_is_scaled_too(kind: Any) -> None:
    model = wide()
    step = clipped(by_norm(0.1), half_squares)
    report = audit(model, kind(model.parameters(), lr=0.01), step, rows(), STRENGTH * L2())
    (said,) = [one for one in report.findings if one.rule == "clipped"]
    assert said.severity == "info"
    assert "the penalty too" in said.message


def test_a_shrink_that_is_held_back_is_not_clipped_either() -> None:
    model = network()
    optimizer = SGD(model.parameters(), lr=1e-5)
    regularize(optimizer, model, STRENGTH * L1(), update="proximal")
    report = audit(model, optimizer, clipped(by_norm(0.1)), data())
    assert {"below-resolution", "clipped"} <= set(report.rules), report


def test_adam_steps_as_far_whatever_the_size_of_gradients() -> None:
    """What lies beside its gradient is not weighed against the data by a strength."""
    model = wide()
    report = audit(model, decayed(model, AdamW), clipped(by_norm(0.01)), rows())
    assert not where(report, "clipped"), report


def test_adam_with_a_prox_in_its_metric() -> None:
    model = wide()
    optimizer = Adam(model.parameters(), lr=0.01)
    regularize(optimizer, model, STRENGTH * L1(), update="proximal")
    report = audit(model, optimizer, clipped(by_norm(0.01)), rows())
    assert [s.severity for s in report.findings if s.rule == "clipped"] == ["warning"], report


def normalized(parameters: list[nn.Parameter]) -> None:
    """Divide by the length, which is below one."""
    norm = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None]).norm()
    by_hand(1e5 / float(norm))(parameters)


def test_gradients_that_are_scaled_up() -> None:
    model = wide()
    optimizer = SGD(model.parameters(), lr=1e-5)
    regularize(optimizer, model, STRENGTH * L1(), update="proximal")
    report = audit(model, optimizer, clipped(normalized), rows())
    (said,) = [one for one in report.findings if one.rule == "clipped"]
    assert "multiplied by" in said.message


def centred(parameters: list[nn.Parameter]) -> None:
    for p in parameters:
        if p.grad is not None and p.ndim > 1:
            p.grad -= p.grad.mean(1, keepdim=True)


def projected(parameters: list[nn.Parameter]) -> None:
    """Take out all but a direction, as gradient surgery does."""
    for p in parameters:
        if p.grad is not None:
            along = torch.zeros_like(p.grad)
            along.view(-1)[0] = 1.0
            p.grad.copy_(along * (p.grad * along).sum())


def averaged(parameters: list[nn.Parameter]) -> None:
    """Divide by a number of micro-batches."""
    by_hand(1 / 8)(parameters)


@pytest.mark.parametrize("way", [centred, projected, averaged, by_norm(0.7), by_norm(1.0)])
def test_what_is_no_clipping(way: Scaling) -> None:
    model = wide()
    optimizer = SGD(model.parameters(), lr=1e-5)
    regularize(optimizer, model, STRENGTH * L1(), update="proximal")
    assert not where(audit(model, optimizer, clipped(way), rows()), "clipped")


def test_the_collapse_is_seen_where_only_the_data_is_clipped() -> None:
    """The penalty pushes less than the data's gradient, and more than what is left of it."""
    model = wide()
    strength = 0.02 * norm_of(model)
    told = []
    for way in (by_norm(1.0), by_norm(1e-3)):
        optimizer = SGD(model.parameters(), lr=1e-5)
        attachment = regularize(optimizer, model, strength * L1(), update="proximal")
        told.append("collapse" in audit(model, optimizer, clipped(way), rows()).rules)
        attachment.detach()
    assert told == [False, True]


def with_a_pass_of_its_own(scale: Scaling) -> Any:
    """Return a step whose penalty has a backward pass of its own, behind the clipping."""

    def step(model: nn.Module, optimizer: Any, batch: Any, factor: float) -> None:
        optimizer.zero_grad()
        (LOSS * nn.functional.cross_entropy(model(batch[0]), batch[1])).backward()
        scale(list(model.parameters()))
        squares = sum((0.5 * w.square().sum() for w in model.parameters() if w.ndim > 1), start=0.0)
        (factor * STRENGTH * squares).backward()  # type: ignore[union-attr]
        optimizer.step()

    return step


@pytest.mark.parametrize("way", [by_norm, by_hand, layers_by_norm])
@pytest.mark.parametrize("kind", [SGD, Adam])
def test_gradients_that_are_clipped_between_two_passes(way: Any, kind: Any) -> None:
    model = wide()
    optimizer = kind(model.parameters(), lr=0.01)
    step = with_a_pass_of_its_own(way(0.013))
    report = audit(model, optimizer, step, rows(), STRENGTH * L2())
    said = [finding.message for finding in report.findings if finding.rule == "clipped"]
    assert len(said) == 1, report
    assert "between two backward passes" in said[0]
    assert "from a norm of" in said[0]
    by = float(said[0].partition("divided by ")[2].split()[0])
    assert by == pytest.approx(1 / 0.013, rel=0.3 if way is layers_by_norm else 0.01)


@pytest.mark.parametrize("way", [by_norm(2.0), by_hand(0.25)], ids=["not-reached", "a-mean"])
def test_what_is_no_clipping_between_two_passes(way: Scaling) -> None:
    model = wide()
    step = with_a_pass_of_its_own(way)
    report = audit(model, SGD(model.parameters(), lr=0.01), step, rows(), STRENGTH * L2())
    assert "clipped" not in report.rules, report


class ClippingSGD(SGD):
    """Clips within its step, as some do; the decay is added to what is left."""

    most = 0.01

    def step(self, closure: Any = None) -> Any:
        held = [p for group in self.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(held, self.most)
        return super().step(closure)


class ClippingLion(ClippingSGD):
    """Steps along signs, which clipping leaves as they are."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ARG002
        for group in self.param_groups:
            nn.utils.clip_grad_norm_(group["params"], self.most)
            for p in group["params"]:
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * p.grad.sign())


@pytest.mark.parametrize("most", [0.01, 1e9])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("attached", [True, False])
def test_an_optimizer_that_clips_within_its_step(
    most: float, momentum: float, attached: bool
) -> None:
    model = network()
    groups = [
        {"params": [w for w in model.parameters() if w.ndim > 1]},
        {"params": [w for w in model.parameters() if w.ndim < 2], "weight_decay": 0.0},
    ]
    decay = 0.0 if attached else 0.02
    optimizer = ClippingSGD(groups, lr=0.05, momentum=momentum, weight_decay=decay)
    optimizer.most = most
    if attached:
        regularize(optimizer, model, 0.02 * L1(), update="decoupled")

    def step(model: nn.Module, optimizer: Any, batch: Any) -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
        optimizer.step()

    report = audit(model, optimizer, step, data())
    said = [finding.message for finding in report.findings if finding.rule == "clipped"]
    assert len(said) == (1 if most < 1 else 0), report
    assert all("inside of the optimizer's step" in message for message in said)


def test_an_optimizer_of_signs_may_clip() -> None:
    model = network()
    optimizer = ClippingLion([w for w in model.parameters() if w.ndim > 1], lr=0.01)
    regularize(optimizer, model, 0.02 * L2(), update="decoupled")

    def step(model: nn.Module, optimizer: Any, batch: Any) -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
        optimizer.step()

    assert "clipped" not in audit(model, optimizer, step, data()).rules


def cut(bound: Callable[[torch.Tensor], torch.Tensor]) -> Scaling:
    """Return what cuts every number of a gradient by itself."""

    def scale(parameters: list[nn.Parameter]) -> None:
        for p in parameters:
            if p.grad is not None:
                p.grad.copy_(bound(p.grad))

    return scale


def own_bounds(gradient: torch.Tensor) -> torch.Tensor:
    """Return it between bounds of each weight's own."""
    bounds = torch.linspace(0.5, 5.0, gradient.numel()).reshape(gradient.shape).to(gradient)
    return gradient.clamp(-bounds, bounds)


CUTS = {
    "value": lambda gradient: gradient.clamp(-3.0, 3.0),
    "asymmetric": lambda gradient: gradient.clamp(-2.0, 4.0),
    "own bounds": own_bounds,
}


@pytest.mark.parametrize("name", CUTS)
def test_gradients_that_are_cut_one_by_one(name: str) -> None:
    """At a bound the step is the same at every strength: how many stand there is counted."""
    model = wide()
    weights, (x, y) = [w for w in model.parameters() if w.ndim > 1], rows()
    gradients = torch.autograd.grad(LOSS * nn.functional.cross_entropy(model(x), y), weights)
    at_bound = torch.cat([(CUTS[name](g) != g).flatten() for g in gradients]).double().mean()
    optimizer = SGD(model.parameters(), lr=0.01)
    report = audit(
        model, optimizer, clipped(cut(CUTS[name]), half_squares), rows(), STRENGTH * L2()
    )
    (said,) = [one for one in report.findings if one.rule == "clipped"]
    assert said.severity == "warning"
    assert f"no effect on {at_bound:.0%} of the weights" in said.message, said.message
    assert "balance" not in said.message


def test_a_cut_of_few_gradients_is_no_warning() -> None:
    model = wide()
    step = clipped(
        cut(lambda g: g.clamp(-0.99 * g.abs().max(), 0.99 * g.abs().max())), half_squares
    )
    report = audit(model, SGD(model.parameters(), lr=0.01), step, rows(), STRENGTH * L2())
    assert report.ok, report
    assert not where(report, "clipped"), report


@pytest.mark.parametrize("way", [rows_by_hand, layers_by_norm])
def test_several_numbers_keep_the_balance_where_one_divides(way: Any) -> None:
    model = wide()
    step = clipped(way(0.1), half_squares)
    report = audit(model, SGD(model.parameters(), lr=0.01), step, rows(), STRENGTH * L2())
    (said,) = [one for one in report.findings if one.rule == "clipped"]
    assert said.severity == "info"
    assert ("where one number divides them" in said.message) is (way is rows_by_hand)
