"""A module in evaluation mode for a while, and gradients where the caller has turned them off.

Who uses this: whoever looks at what a user's module answers, and whoever trains. Every part of a
module is in its own mode again afterwards: `module.train(was_training)` would let a batch norm
train that was frozen on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(module: nn.Module) -> Iterator[nn.Module]:
    """Have a module in evaluation mode within a `with` block.

    Args:
        module: the module.

    >>> model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2).eval(), nn.Dropout())
    >>> with evaluating(model):
    ...     model[2].training
    False
    >>> [own.training for own in model]
    [True, False, True]
    """
    modes = {own: own.training for own in module.modules()}
    try:
        yield module.eval()
    finally:
        for own, training in modes.items():
            own.training = training


@contextmanager
def learning() -> Iterator[None]:
    """Record gradients within a `with` block, though the caller has turned them off.

    >>> with torch.no_grad(), learning():
    ...     nn.Linear(1, 1)(torch.ones(1, 1)).requires_grad
    True
    """
    with torch.inference_mode(False), torch.enable_grad():
        yield
