"""The metric read from an optimizer is the one it has just moved in."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, RMSprop

from shrinkage import L1
from shrinkage.pytorch import attach
from shrinkage.pytorch.metrics import Moment, metric_of

ADAPTIVE = [
    (Adam, {"lr": 0.1}),
    (Adam, {"lr": 0.1, "amsgrad": True}),
    (Adam, {"lr": 0.1, "fused": True, "eps": 1e-2}),
    (AdamW, {"lr": 0.1, "weight_decay": 0.0, "betas": (0.8, 0.9), "foreach": True}),
    (RMSprop, {"lr": 0.1}),
    (RMSprop, {"lr": 0.1, "centered": True, "eps": 1e-2}),
    (Adagrad, {"lr": 0.1}),
    (Adagrad, {"lr": 0.1, "lr_decay": 0.3, "initial_accumulator_value": 0.1}),
]


@pytest.mark.parametrize(("kind", "options"), ADAPTIVE, ids=str)
def test_displacement_is_metric_times_direction(kind, options):
    generator = torch.Generator().manual_seed(0)
    w = nn.Parameter(torch.zeros(5, dtype=torch.float64))
    optimizer = kind([w], **options)
    for step in range(1, 9):
        size = 10.0 if step == 1 else 1.0  # amsgrad remembers the first
        w.grad = size * torch.randn(5, generator=generator, dtype=torch.float64)
        before = w.detach().clone()
        optimizer.step()
        group, state = optimizer.param_groups[0], optimizer.state[w]
        direction = w.grad
        if "betas" in group:
            direction = state["exp_avg"] / (1 - group["betas"][0] ** step)
        motion = metric_of(optimizer).motion(Moment(group, state))
        expected = before - motion.rate / motion.denominator() * direction
        torch.testing.assert_close(w.detach(), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.7, "dampening": 0.4},
    ],
    ids=str,
)
def test_sgd_amplifies_the_shrink_as_it_amplifies_a_constant_gradient(options):
    """A gradient of 1 with strength s on a positive weight moves 1 + s times as far."""
    paths = []
    for strength in (0.0, 0.25):
        w = nn.Parameter(torch.full((1,), 1000.0, dtype=torch.float64))
        optimizer = SGD([w], lr=0.5, **options)
        attach(optimizer, {w: [(strength, L1())]})
        path = [1000.0]
        for _ in range(6):
            w.grad = torch.ones_like(w)
            optimizer.step()
            path.append(float(w.detach()))
        paths.append(torch.tensor(path, dtype=torch.float64).diff())
    torch.testing.assert_close(paths[1], 1.25 * paths[0], rtol=1e-10, atol=0)
