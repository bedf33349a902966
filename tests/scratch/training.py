"""One network and one training, in NumPy and in PyTorch, for the tests of this folder."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from shrinkage import L1, L2, ElasticNet, GroupLasso, Terms, norms, weights
from shrinkage.penalties import (
    L0,
    MCP,
    SCAD,
    BlockLasso,
    Cardinality,
    GlobalCardinality,
    Hierarchical,
    LHalf,
    LogSum,
    MaxNorm,
    NOfM,
    NonNegative,
    NuclearNorm,
    Orthogonal,
    Rank,
    ReweightedL1,
    SoftOrthogonality,
    SparseGroupLasso,
)
from shrinkage.pytorch import regularize
from shrinkage.scratch import (
    SGD,
    Adam,
    AdamW,
    Affine,
    BatchNorm,
    Dropout,
    Momentum,
    Network,
    Optimizer,
    ReLU,
    Sigmoid,
    Tanh,
    Trainer,
    xavier,
)

STEPS = 100
SHARE = 0.2

OPTIMIZERS: dict[str, tuple[Optimizer, Callable[..., torch.optim.Optimizer]]] = {
    "sgd": (SGD(0.05), lambda p: torch.optim.SGD(p, lr=0.05)),
    "momentum": (Momentum(0.02), lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9)),
    "adam": (Adam(0.01), lambda p: torch.optim.Adam(p, lr=0.01)),
    "adamw": (
        AdamW(0.01, weight_decay=0.05),
        lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.05),
    ),
}


def network() -> Network:
    return Network(
        [
            Affine(6, 8, bias=False),
            BatchNorm(8),
            ReLU(),
            Affine(8, 7, xavier),
            Tanh(),
            Dropout(SHARE),
            Affine(7, 5, xavier),
            Sigmoid(),
            Affine(5, 3),
        ],
        seed=1,
    )


class SameDropout(nn.Module):
    """Dropout with the masks of the NumPy network."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = np.random.default_rng(0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = (self.generator.random(x.shape) >= SHARE) / (1 - SHARE)
        return x * torch.from_numpy(mask)


def torch_network(start: Network) -> nn.Sequential:
    model = nn.Sequential(
        nn.Linear(6, 8, bias=False),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Linear(8, 7),
        nn.Tanh(),
        SameDropout(),
        nn.Linear(7, 5),
        nn.Sigmoid(),
        nn.Linear(5, 3),
    ).double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(start.parameters[name]))
    return model


def data() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(2)
    x = generator.normal(size=(120, 6))
    return x, (x[:, :3] + 0.3 * generator.normal(size=(120, 3))).argmax(axis=1)


def batches() -> list[np.ndarray]:
    generator = np.random.default_rng(3)
    return [generator.choice(120, 20, replace=False) for _ in range(STEPS)]


def reference() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(4)
    return {name: generator.normal(size=w.shape) for name, w in network().parameters.items()}


PENALTIES: dict[str, Any] = {
    "l1": 0.01 * L1(),
    "l2": 0.05 * L2(),
    "elastic-net": 0.02 * ElasticNet(0.6),
    "group-lasso": 0.005 * GroupLasso(per="input"),
    "group-lasso per output": 0.005 * GroupLasso(per="output"),
    "group-lasso per layer": 0.002 * GroupLasso(per="layer"),
    "sparse group with ridge": 0.004 * L1() + 0.004 * GroupLasso(per="input") + 0.02 * L2(),
    "l1 around a reference": (0.01 * L1()).around(reference()),
    "l2 around a reference": (0.05 * L2()).around(reference()),
    "l1 on scales too": (0.01 * L1()).on(weights() | norms()),
    "sparse group lasso": 0.01 * SparseGroupLasso(0.3),
    "blocks": (0.01 * BlockLasso("2x2")).on("0.weight"),
    "mcp": 0.05 * MCP(),
    "scad": 0.05 * SCAD(),
    "log-sum": 0.01 * LogSum(0.3),
    "l-half": 0.01 * LHalf(),
    "l0": 0.001 * L0(),
    "cardinality": 3.0 * Cardinality(),
    "max-norm": 1.0 * MaxNorm(0.7),
    "non-negative": 1.0 * NonNegative(),
    "a third of every three": (1.0 * NOfM(1, 3)).on("0.weight"),
    "global cardinality": 2.0 * GlobalCardinality(),
    "rank": 1.0 * Rank(keep=1),
    "orthogonal": 1.0 * Orthogonal(),
    "nuclear norm": 0.02 * NuclearNorm(),
    "hierarchical": 0.05 * Hierarchical(),
    "soft orthogonality": 0.05 * SoftOrthogonality(),
    "reweighted l1": 0.01 * ReweightedL1(0.3, every=20),
    "nothing": Terms(()),
}

# A constraint has no slope; that of |w|^½ grows without bound at 0, where differences say nothing.
CONSTRAINTS = (
    *("cardinality", "max-norm", "non-negative", "a third of every three"),
    *("global cardinality", "rank", "orthogonal", "hierarchical"),
)
WITHOUT_SLOPES = ("l-half", *CONSTRAINTS)


def expecting_two_decays(optimizer: Any, terms: Any) -> contextlib.AbstractContextManager:
    """Let AdamW's warning of two decays pass where it is due."""
    context = warnings.catch_warnings()
    if isinstance(optimizer, AdamW) and terms != Terms(()):
        return _ignoring(context)
    return context


@contextlib.contextmanager
def _ignoring(context: Any) -> Any:
    with context:
        warnings.filterwarnings("ignore", message="AdamW has its own weight_decay")
        yield


def numpy_weights(optimizer: Optimizer, terms: Any, update: str) -> dict[str, np.ndarray]:
    ours = network()
    x, y = data()
    with expecting_two_decays(optimizer, terms):
        trainer = Trainer(ours, optimizer, terms, update)
    for batch in batches():
        trainer.step(x[batch], y[batch])
    layer = ours.layers[1]
    assert isinstance(layer, BatchNorm)
    return {**ours.parameters, "1.running_mean": layer.mean, "1.running_var": layer.variance}


def torch_weights(name: str, terms: Any, update: str) -> dict[str, np.ndarray]:
    model = torch_network(network())
    ours, make = OPTIMIZERS[name]
    optimizer = make(model.parameters())
    x, y = (torch.from_numpy(array) for array in data())
    with expecting_two_decays(ours, terms):
        attachment = regularize(optimizer, model, terms, update)
    for batch in batches():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        (loss + attachment.loss()).backward()
        optimizer.step()
    return {
        key: tensor.numpy()
        for key, tensor in model.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }


def farthest(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> float:
    assert first.keys() == second.keys()
    return max(float(np.abs(first[name] - second[name]).max()) for name in first)
