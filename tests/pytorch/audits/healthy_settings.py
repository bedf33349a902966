"""Training as people do it: optimizers × strengths that do not take a network to zero output.

Who uses this: the test that the audit raises no false alarm of collapse. All on the handwritten
digits of scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from shrinkage import L1, L2, GroupLasso
from shrinkage.pytorch import regularize

Optimizing = Callable[[nn.Module], Any]


@cache
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """Return 1,797 standardized images and their classes."""
    images, classes = load_digits(return_X_y=True)
    scaled = (images - images.mean()) / images.std()
    return torch.from_numpy(scaled.astype(np.float32)), torch.from_numpy(classes)


def rows(start: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a batch."""
    x, y = digits()
    return x[start : start + count], y[start : start + count]


def plain_step(model: nn.Module, optimizer: Any, batch: Any) -> None:
    """Take a step on the data; penalties are in the optimizer."""
    optimizer.zero_grad()
    functional.cross_entropy(model(batch[0]), batch[1]).backward()
    optimizer.step()


def train(model: nn.Module, optimizer: Any, steps: int, batch: int = 64) -> nn.Module:
    """Train on the first 1,500 rows, one batch after the other."""
    for number in range(steps):
        plain_step(model, optimizer, rows(number * batch % (1500 - batch), batch))
    return model


def accuracy(model: nn.Module) -> float:
    """Return the share of the last rows that are classified rightly."""
    x, y = rows(1500, 297)
    was = model.training
    model.eval()
    with torch.no_grad():
        found = float((model(x).argmax(1) == y).float().mean())
    model.train(was)
    return found


def attached(kind: Any, rate: float, terms: Any, update: str, **options: Any) -> Optimizing:
    """Return what makes an optimizer with terms attached."""

    def make(model: nn.Module) -> Any:
        optimizer = kind(model.parameters(), lr=rate, **options)
        regularize(optimizer, model, terms, update)
        return optimizer

    return make


def own(kind: Any, rate: float, decay: float, **options: Any) -> Optimizing:
    """Return what makes an optimizer with its own weight decay."""
    return lambda model: kind(model.parameters(), lr=rate, weight_decay=decay, **options)


Adam, AdamW, SGD = torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD
REGULARIZERS: dict[str, Optimizing] = {
    "AdamW 1e-3, 0.01": own(AdamW, 1e-3, 0.01),
    "AdamW 3e-4, 0.1": own(AdamW, 3e-4, 0.1),
    "SGD 0.1, 5e-4": own(SGD, 0.1, 5e-4, momentum=0.9),
    "SGD 0.01, 1e-4": own(SGD, 0.01, 1e-4),
    "Adam 1e-3, 1e-4": own(Adam, 1e-3, 1e-4),
    "RMSprop 1e-3, 1e-5": own(torch.optim.RMSprop, 1e-3, 1e-5),
    "L1 1e-5": attached(Adam, 1e-3, 1e-5 * L1(), "proximal"),
    "L1 1e-4": attached(SGD, 0.05, 1e-4 * L1(), "proximal", momentum=0.9),
    "elastic net": attached(AdamW, 1e-3, 1e-5 * L1() + 1e-4 * L2(), "decoupled", weight_decay=0.0),
    "group lasso": attached(SGD, 0.05, 1e-4 * GroupLasso(), "proximal"),
}
