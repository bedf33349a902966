"""Several optimizers: each parameter goes to the one that holds it, one attachment to talk to."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW

from shrinkage import L1, L2, GroupLasso
from shrinkage.errors import InputError, OwnDecayWarning, UnsupportedOptimizer
from shrinkage.pytorch import JointAttachment, Ledger, WarmUp, regularize
from tests.builders.torch_networks import equal, parameters_of
from tests.pytorch.small_training import loss_of, network

TERMS = 0.02 * L1() + 0.1 * L2()


def pair(model: nn.Sequential) -> list[torch.optim.Optimizer]:
    body, head = [*model[0].parameters(), *model[1].parameters()], model[3].parameters()
    return [AdamW(body, lr=0.01, weight_decay=0.0), SGD(head, lr=0.05, momentum=0.9)]


def take(model: nn.Module, optimizers: list[torch.optim.Optimizer], steps: int = 8) -> None:
    for _ in range(steps):
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss_of(model).backward()
        for optimizer in optimizers:
            optimizer.step()


def test_together_is_one_by_one() -> None:
    first, second = network(), network()
    both, alone = pair(first), pair(second)
    joint = regularize(both, first, TERMS)
    assert isinstance(joint, JointAttachment)
    for optimizer, pattern in zip(alone, ("0.*", "3.*"), strict=True):
        regularize(optimizer, second, [term.on(pattern) for term in TERMS])
    take(first, both)
    take(second, alone)
    assert equal(parameters_of(first), parameters_of(second))
    assert any((w == 0).any() for w in parameters_of(first))


def test_one_attachment_to_talk_to() -> None:
    model = network()
    both = pair(model)
    ledger = Ledger(every=2)
    terms = (0.02 * L1()).named("sparse") + (0.1 * L2()).named("small")
    joint = regularize({"body": both[0], "head": both[1]}, model, terms, ledger=ledger)
    assert joint.table() == str(joint.assignment)
    assert [slot.target.name for slot in joint.slots] == ["0.weight", "3.weight"]
    weights = [model[0].weight, model[3].weight]
    expected = 0.02 * sum(float(w.detach().abs().sum()) for w in weights)
    assert joint.value()["sparse"] == pytest.approx(expected)
    joint.set_strength("sparse", 0.5)
    assert joint.strengths == {"sparse": 0.5, "small": 0.1}
    assert joint.given_strengths == (0.5, 0.1)
    joint.note_loss(loss_of(model))
    take(model, both, 4)
    assert joint.steps == {"body": 4, "head": 4}
    recorded = [(record.step, tuple(record.layers)) for record in joint.ledger.records]
    assert recorded == [(s, (name,)) for s in (1, 2, 4) for name in ("0.weight", "3.weight")]
    joint.freeze_zeros = True
    assert joint.freeze_zeros
    joint.detach()
    before = [w.detach().clone() for w in weights]
    for optimizer in both:
        optimizer.zero_grad(set_to_none=False)
        optimizer.param_groups[0]["lr"] = 0.0
        optimizer.step()
    assert equal(before, weights)


def test_a_run_goes_on_from_its_state() -> None:
    through, resumed = network(), network()
    optimizers = pair(through)
    options = {"schedule": WarmUp(6), "freeze_zeros": True}
    joint = regularize(optimizers, through, TERMS, **options)
    take(through, optimizers, 4)
    resumed.load_state_dict(through.state_dict())
    others = pair(resumed)
    for own, theirs in zip(others, optimizers, strict=True):
        own.load_state_dict(copy.deepcopy(theirs.state_dict()))
    state = copy.deepcopy(joint.state_dict())
    take(through, optimizers, 4)
    again = regularize(others, resumed, TERMS, **options)
    again.load_state_dict(state)
    take(resumed, others, 4)
    assert equal(parameters_of(through), parameters_of(resumed))
    assert len(again.ledger.records) == 2
    with pytest.raises(InputError, match=r"the optimizers 0, 1, got that of none"):
        again.load_state_dict({"optimizers": {}})


def test_two_steps_of_a_gan_count_by_themselves() -> None:
    nets = nn.ModuleDict({"critic": nn.Linear(3, 2), "generator": nn.Linear(3, 2)}).double()
    optimizers = {name: Adam(net.parameters(), lr=0.01) for name, net in nets.items()}
    joint = regularize(optimizers, nets, 0.1 * L1(), schedule=WarmUp(10))
    for turn in ("critic", "critic", "generator"):
        optimizers[turn].zero_grad()
        nets[turn](torch.ones(4, 3).double()).square().mean().backward()
        optimizers[turn].step()
    assert joint.steps == {"critic": 2, "generator": 1}


@pytest.mark.parametrize("rows", [True, False])
def test_muon_beside_adamw(rows: bool) -> None:
    model = network()
    matrices = [w for w in model.parameters() if w.ndim > 1]
    rest = [w for w in model.parameters() if w.ndim < 2]
    both = [torch.optim.Muon(matrices, lr=0.02, weight_decay=0.0), AdamW(rest, lr=0.01)]
    penalty = GroupLasso(per="output") if rows else L1()
    regularize(both, model, 0.5 * penalty, "decoupled")
    take(model, both, 30)
    assert (model[0].weight == 0).any()


def test_the_decay_of_muon_counts() -> None:
    """By default it has one, of 0.1; decoupled L2 is the same decay, bit for bit."""
    ends = []
    for own in (True, False):
        model = network()
        weights = [w for w in model.parameters() if w.ndim > 1]
        optimizer = torch.optim.Muon(weights, lr=0.02, weight_decay=0.1 if own else 0.0)
        if not own:
            regularize(optimizer, model, 0.1 * L2(), "decoupled")
        take(model, [optimizer])
        ends.append(parameters_of(model))
    assert equal(*ends)
    with pytest.warns(OwnDecayWarning, match=r"Muon has its own weight_decay=0\.1 on 2 .* twice"):
        regularize(torch.optim.Muon(weights), model, 0.1 * L2(), "decoupled")


class TestRefusals:
    def test_a_parameter_in_two_optimizers(self) -> None:
        model = network()
        both = {"a": SGD(model.parameters(), lr=0.1), "b": SGD(model[3].parameters(), lr=0.1)}
        with pytest.raises(InputError, match=r"got 3\.weight in a and b"):
            regularize(both, model, TERMS)
        regularize(both, model, [term.on("0.*") for term in TERMS])

    def test_a_parameter_in_none(self) -> None:
        model = network()
        with pytest.raises(InputError, match=r"in one of the optimizers, got 3\.weight outside"):
            regularize([SGD(m.parameters(), lr=0.1) for m in model[:2]], model, TERMS)

    def test_no_optimizer(self) -> None:
        with pytest.raises(InputError, match="at least one"):
            regularize([], network(), TERMS)

    def test_the_first_is_left_free_where_the_second_is_refused(self) -> None:
        model = network()
        both = pair(model)
        both[1].param_groups[0]["lr"] = 0.0
        with pytest.raises(InputError, match="learning rate above 0"):
            regularize(both, model, TERMS)
        both[1].param_groups[0]["lr"] = 0.1
        regularize(both, model, TERMS)

    def test_one_of_them_without_a_metric(self) -> None:
        model = network()
        weights = [w for w in model.parameters() if w.ndim > 1]
        with pytest.raises(UnsupportedOptimizer, match="Muon"):
            regularize([torch.optim.Muon(weights)], model, TERMS)
