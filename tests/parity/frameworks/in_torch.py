"""The run in PyTorch, with `shrinkage.pytorch.regularize`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import nn

from shrinkage.pytorch import regularize
from tests.parity.frameworks.problem import (
    LABELS,
    LAYERS,
    ORDER,
    SIZES,
    START,
    Networks,
    X,
    all_terms,
)
from tests.parity.frameworks.registry import BETAS, OPTIMIZERS, Setting


def _network() -> nn.Sequential:
    layers = {"first": nn.Linear(*SIZES[:2]), "second": nn.Linear(*SIZES[1:])}
    chain = {"first": layers["first"], "tanh": nn.Tanh(), "second": layers["second"]}
    made = nn.Sequential(OrderedDict(chain)).double()
    with torch.no_grad():
        for place in LAYERS:
            layer = layers[place]
            layer.weight.copy_(torch.from_numpy(START[place]))
            layer.bias.zero_()
    return made


def _optimizer(setting: Setting, model: nn.Module) -> torch.optim.Optimizer:
    if setting.momentum is None:
        return torch.optim.Adam(
            model.parameters(), lr=setting.rate, betas=BETAS, eps=setting.epsilon
        )
    return torch.optim.SGD(model.parameters(), lr=setting.rate, momentum=setting.momentum)


def train(optimizer: str, update: str, sums: Sequence[str]) -> Networks:
    """Return the weights of every copy of the network."""
    networks = {name: _network() for name in sums}
    model = nn.ModuleDict(networks)
    steps = _optimizer(OPTIMIZERS[optimizer], model)
    terms = all_terms(sums, lambda name, place: f"{name}.{place}.weight")
    attachment = regularize(steps, model, terms, update)
    x, y = torch.from_numpy(X), torch.from_numpy(LABELS)
    for batch in ORDER:
        steps.zero_grad()
        losses = [
            nn.functional.cross_entropy(made(x[batch]), y[batch]) for made in networks.values()
        ]
        (torch.stack(losses).sum() + attachment.loss()).backward()
        steps.step()
    return {
        name: {place: made.get_parameter(f"{place}.weight").detach().numpy() for place in LAYERS}
        for name, made in networks.items()
    }
