"""Zeros that stay zero, with `freeze_zeros` and in averages, and those that come back without."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.optim import SGD, Adam
from torch.optim.swa_utils import (
    AveragedModel,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_multi_avg_fn,
)

from shrinkage import L1, L2
from shrinkage.errors import InputError
from shrinkage.pytorch import keep_zeros, lost_zeros, regularize
from tests.builders.torch_networks import equal, parameters_of
from tests.pytorch.small_training import loss_of, network, train

KINDS = [(SGD, {"lr": 0.05, "momentum": 0.9}), (Adam, {"lr": 0.02})]


def zeros(model) -> torch.Tensor:
    return torch.cat([p.detach().flatten() == 0 for p in model.parameters()])


@pytest.mark.parametrize("freeze", [False, True])
@pytest.mark.parametrize(("kind", "options"), KINDS, ids=["momentum", "adam"])
def test_zeros_come_back_without_and_stay_with(kind, options, freeze):
    """After 40 steps of L1 the strength is 0: gradient and momentum move what was zero."""
    model = network()
    optimizer = kind(model.parameters(), **options)
    attachment = regularize(optimizer, model, 0.05 * L1(), freeze_zeros=freeze)
    train(model, optimizer, 40)
    before = zeros(model)
    assert before.sum() > 5
    attachment.set_strength(0, 0.0)
    train(model, optimizer, 20)
    after = zeros(model)
    assert bool((after >= before).all()) == freeze
    assert (after.sum() >= before.sum()) == freeze


def test_freezing_later_holds_what_is_zero_then_and_can_end():
    model = network()
    optimizer = Adam(model.parameters(), lr=0.02)
    attachment = regularize(optimizer, model, 0.05 * L1())
    train(model, optimizer, 40)
    attachment.freeze_zeros = True
    attachment.set_strength(0, 0.0)
    before = zeros(model)
    train(model, optimizer, 10)
    assert torch.equal(zeros(model), before)
    attachment.freeze_zeros = False
    train(model, optimizer, 10)
    assert zeros(model).sum() < before.sum()


def test_weights_that_start_at_zero_are_not_frozen():
    model = network()
    with torch.no_grad():
        model[3].weight.zero_()
    optimizer = Adam(model.parameters(), lr=0.02)
    regularize(optimizer, model, 1e-4 * L1() + 1e-4 * L2(), freeze_zeros=True)
    train(model, optimizer, 5)
    assert (model[3].weight != 0).any()


def test_frozen_zeros_survive_a_checkpoint():
    model = network()
    optimizer = Adam(model.parameters(), lr=0.02)
    attachment = regularize(optimizer, model, 0.05 * L1(), freeze_zeros=True)
    train(model, optimizer, 40)
    other = network()
    other.load_state_dict(model.state_dict())
    second = Adam(other.parameters(), lr=0.02)
    second.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    resumed = regularize(second, other, 0.05 * L1())
    resumed.load_state_dict(attachment.state_dict())
    assert resumed.freeze_zeros
    for one in (attachment, resumed):
        one.set_strength(0, 0.0)
    assert equal(train(model, optimizer, 10), train(other, second, 10))


@pytest.mark.parametrize(
    "average",
    [
        {"multi_avg_fn": get_ema_multi_avg_fn(0.9)},
        {"multi_avg_fn": get_swa_multi_avg_fn()},
        {"avg_fn": get_ema_avg_fn(0.9)},
    ],
    ids=["ema", "swa", "one-by-one"],
)
def test_averages_keep_the_support_or_say_that_they_do_not(average):
    ((name, function),) = average.items()
    model = network()
    optimizer = Adam(model.parameters(), lr=0.05)
    regularize(optimizer, model, 0.5 * L1())
    plain = AveragedModel(model, **average)
    kept = AveragedModel(model, **{name: keep_zeros(function)})
    for _ in range(30):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()
        plain.update_parameters(model)
        kept.update_parameters(model)
    assert sum(lost_zeros(plain, model).values()) > 0
    assert lost_zeros(kept, model) == {}
    for ours, theirs, current in zip(
        parameters_of(kept.module), parameters_of(plain.module), parameters_of(model), strict=True
    ):
        assert (ours[current == 0] == 0).all()
        assert ours.shape == theirs.shape


def test_an_average_of_another_model_is_refused():
    with pytest.raises(InputError, match=r"like weight"):
        lost_zeros(network(), torch.nn.Linear(2, 1))
