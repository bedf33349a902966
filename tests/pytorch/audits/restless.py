"""A network with buffers and dropout, and a training step that draws from every random state."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tests.builders.torch_networks import half_squares, settled
from tests.pytorch.audits.audited_networks import CLASSES, INPUTS

STRENGTH = 0.01


def restless() -> nn.Module:
    """Return the network."""
    model = nn.Sequential(
        nn.Linear(INPUTS, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, CLASSES)
    )
    return settled(model)


def noisy_step(model: nn.Module, optimizer: Any, batch: Any, scale: float = 1.0) -> None:
    """Draw from all three random states, leave gradients behind."""
    x = batch[0] + 0.01 * float(np.random.normal()) + 0.01 * random.random()
    optimizer.zero_grad()
    loss = functional.cross_entropy(model(x + 0.01 * torch.randn(x.shape)), batch[1])
    (loss + scale * STRENGTH * half_squares(model)).backward()
    optimizer.step()


def bare_step(model: nn.Module, optimizer: Any, batch: Any) -> None:
    """Take the same step without a penalty of its own."""
    noisy_step(model, optimizer, batch, 0.0)
