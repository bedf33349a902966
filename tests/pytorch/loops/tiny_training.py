"""A tiny regression, its network and its plain loop, to compare the frameworks' loops with."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

from shrinkage import L1, L2
from shrinkage.pytorch import Attachment, regularize

TERMS = 0.1 * L1() + 0.1 * L2()
UPDATES = ("proximal", "decoupled", "loss")
WITH_ZEROS = {"proximal", "decoupled"}
EPOCHS = 30  # enough for zeros with every optimizer


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 1))


def table() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(32, 5, generator=generator)
    return x, x[:, :1] - 0.5 * x[:, 1:2]


def batches(size: int = 8) -> list[tuple[torch.Tensor, torch.Tensor]]:
    x, y = table()
    return list(zip(x.split(size), y.split(size), strict=True))


def sgd(parameters: Iterable[torch.Tensor]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.05, momentum=0.9)


def adam(parameters: Iterable[torch.Tensor]) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=0.02)


def plain(
    epochs: int,
    build: Callable[[Iterable[torch.Tensor]], torch.optim.Optimizer] = sgd,
    update: str = "proximal",
    **options,
) -> tuple[nn.Sequential, Attachment]:
    """Return a network after a loop of its own, with `regularize`, and the attachment."""
    model = network()
    optimizer = build(model.parameters())
    attachment = regularize(optimizer, model, TERMS, update, **options)
    for _ in range(epochs):
        for x, y in batches():
            optimizer.zero_grad()
            (nn.functional.mse_loss(model(x), y) + attachment.loss()).backward()
            optimizer.step()
    return model, attachment


def zeros(model: nn.Module) -> int:
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    return sum(int((module.weight == 0).sum()) for module in linear)


def equal(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def hooks(optimizer: torch.optim.Optimizer) -> int:
    return len(optimizer._optimizer_step_pre_hooks) + len(optimizer._optimizer_step_post_hooks)
