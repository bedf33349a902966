"""An attachment tells what is so now: layers thaw and join, and it has a state but no pickle."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD

from shrinkage import L1
from shrinkage.errors import InputError
from shrinkage.pytorch import regularize
from tests.builders.torch_networks import equal
from tests.pytorch.small_training import network, train


def reason_of(table: str, name: str) -> str:
    return next(line for line in table.splitlines() if line.startswith(name))


def test_the_table_has_layers_that_thaw_and_join():
    model = network()
    model[0].requires_grad_(False)
    optimizer = SGD(model[3].parameters(), lr=0.05)
    attachment = regularize(optimizer, model, 0.02 * L1())
    assert "frozen" in reason_of(attachment.table(), "0.weight")
    model[0].requires_grad_(True)
    optimizer.add_param_group({"params": list(model[0].parameters())})
    assert reason_of(attachment.table(), "0.weight").endswith("proximal")


def test_the_table_leaves_out_a_layer_that_no_optimizer_holds():
    model = network()
    attachment = regularize(SGD(model.parameters(), lr=0.05), model, 0.02 * L1())
    model.append(copy.deepcopy(model[3]))
    assert "4.weight" not in attachment.table()


@pytest.mark.parametrize("several", [False, True])
def test_a_copied_optimizer_says_that_it_steps_without_terms(several):
    model: Any = network()
    optimizer = SGD(model.parameters(), lr=0.05)
    attachment = regularize([optimizer] if several else optimizer, model, 0.02 * L1())
    _, copied, same = copy.deepcopy((model, optimizer, attachment))
    assert same is attachment
    with pytest.warns(UserWarning, match="call regularize with the copy and its model"):
        copied.step()
    copied.step()
    other, again, _ = copy.deepcopy((model, optimizer, attachment))
    regularize(again, other, 0.02 * L1())
    again.step()


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("several", [False, True])
def test_a_pickle_is_refused_with_what_to_save(within, several):
    model: Any = network()
    optimizer: Any = SGD(model.parameters(), lr=0.05)
    attachment = regularize([optimizer] if several else optimizer, model, 0.02 * L1())
    model.attachment = attachment
    with pytest.raises(InputError, match=r"state_dict\(\)"):
        pickle.dumps(model if within else attachment)


def test_a_parameter_that_is_replaced_in_its_group_is_followed():
    model: Any = nn.Linear(3, 2, bias=False)
    optimizer = SGD(model.parameters(), lr=0.1)
    attachment = regularize(optimizer, model, 0.5 * L1(), freeze_zeros=True)
    grown = model.weight = nn.Parameter(torch.ones(4, 3))  # as where points are split
    optimizer.param_groups[0]["params"][0] = grown
    grown.grad = torch.zeros_like(grown)
    optimizer.step()
    assert torch.equal(grown.detach(), torch.full((4, 3), 0.95))
    assert sum(attachment.value().values()) == pytest.approx(0.5 * 12 * 0.95)


def test_the_rate_is_that_of_the_group_wherever_it_stands():
    model: Any = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    groups = [
        {"params": [layer.weight], "lr": lr} for layer, lr in zip(model, (0.1, 0.5), strict=True)
    ]
    optimizer = SGD(groups)
    attachment = regularize(optimizer, model, 0.5 * L1())

    def step() -> list[float]:
        for w in model.parameters():
            nn.init.ones_(w)
            w.grad = torch.zeros_like(w)
        optimizer.step()
        return [float(w.detach().mean()) for w in model.parameters()]

    optimizer.param_groups.reverse()
    assert step() == pytest.approx([0.95, 0.75])
    del optimizer.param_groups[0]
    assert step() == pytest.approx([0.95, 1.0])
    assert sum(attachment.value().values()) == pytest.approx(0.5 * 4 * 0.95)
    optimizer.param_groups[0]["lr"] = 0.0  # as a schedule ends
    model[1] = nn.Linear(2, 2, bias=False)
    assert "1.weight" not in attachment.table()
    assert len(attachment.value()) == 1


def test_momentum_that_is_set_back_has_its_first_gain():
    model = network()
    optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9)
    attachment = regularize(optimizer, model, 0.02 * L1())
    start = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    first = train(model, optimizer, 3)
    model.load_state_dict(start[0])  # as after a search for a learning rate
    optimizer.load_state_dict(start[1])
    assert equal(train(model, optimizer, 3), first)
    assert attachment.steps == 6
