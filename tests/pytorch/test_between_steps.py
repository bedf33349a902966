"""What changes between two steps, of weights, state and group, is seen by a batch of parameters."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import AdamW

from shrinkage import L1, L2
from shrinkage.pytorch import regularize
from shrinkage.pytorch.prox.kernels import are_built
from tests.pytorch.test_batches import one_by_one

pytestmark = pytest.mark.skipif(not are_built(), reason="the compiled kernels were not built")


def _replaced_state(optimizer, weight):
    state = optimizer.state[weight]
    optimizer.state[weight] = {**state, "exp_avg_sq": 4 * state["exp_avg_sq"]}


def _replaced_square(optimizer, weight):
    optimizer.state[weight]["exp_avg_sq"] = 4 * optimizer.state[weight]["exp_avg_sq"]


def _replaced_push(optimizer, weight):
    optimizer.state[weight]["exp_avg"] = -100 * optimizer.state[weight]["exp_avg"]


def _square_in_other_memory(optimizer, weight):
    square = optimizer.state[weight]["exp_avg_sq"]
    square.data = 4 * square


def _weight_in_other_memory(_optimizer, weight):
    weight.data = weight.data.clone()


def _weight_in_another_order(_optimizer, weight):
    weight.data = weight.data.transpose(0, 1).contiguous().transpose(0, 1)


def _other_step(optimizer, weight):
    optimizer.state[weight]["step"] += 5


def _step_in_other_memory(optimizer, weight):
    step = optimizer.state[weight]["step"]
    step.data = step + 5


def _fresh_state(optimizer, _weight):
    optimizer.state.clear()


def _loaded_state(optimizer, _weight):
    optimizer.load_state_dict(optimizer.state_dict())


def _other_numbers(optimizer, _weight):
    optimizer.param_groups[0].update(lr=0.003, betas=(0.5, 0.9), eps=1e-4)


def _no_gradient(optimizer, weight):
    weight.grad = None
    optimizer.step()


BETWEEN = (
    *(_replaced_state, _replaced_square, _replaced_push, _square_in_other_memory),
    *(_weight_in_other_memory, _weight_in_another_order, _other_step, _step_in_other_memory),
    *(_fresh_state, _loaded_state, _other_numbers, _no_gradient),
)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("between", BETWEEN)
def test_a_batch_sees_what_changes_between_two_steps(between, fused, monkeypatch):
    found = []
    for batched in (True, False):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), nn.Linear(8, 3))
        optimizer = AdamW(model.parameters(), lr=0.01, weight_decay=0.0, fused=fused)
        attachment = regularize(optimizer, model, 0.01 * L1() + 0.1 * L2())
        if not batched:
            one_by_one(attachment, monkeypatch)
        x = torch.randn(8, 8)
        for step in range(12):
            if step in (5, 7):
                between(optimizer, model[2].weight)
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()
        found.append([p.detach().clone() for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
