"""loss + 0.3·Σ|w| + 0.7·Σw² over all parameters: the network collapses to chance."""

from __future__ import annotations

import torch
from torch import nn

from shrinkage.examples.outcome import Outcome
from shrinkage.examples.torch_family import Family, run_family
from shrinkage.penalties import L1, L2, ElasticNet
from shrinkage.selections import everything

# 0.7·Σw² is 1.4 half squares, so the published mixture is 1.7 times an elastic net of 0.3/1.7.
RATIO = 0.176


def published_penalty(model: nn.Module) -> torch.Tensor:
    """Return 0.3·Σ|w| + 0.7·Σw², as published."""
    sums = [0.3 * w.abs().sum() + 0.7 * w.pow(2).sum() for w in model.parameters()]
    return torch.stack(sums).sum()


FAMILY = Family(
    name="torch-elastic-net",
    words="loss + 0.3·Σ|w| + 0.7·Σw²",
    loss=published_penalty,
    terms=(0.3 * L1()).on(everything()) + (1.4 * L2()).on(everything()),
    penalty=ElasticNet(RATIO),
    strengths=(1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3),
    accuracy={"mnist": 0.975, "part": 0.93, "digits": 0.95},
    sparse={},
)


def run(*, full: bool = False, data: str | None = None, **sizes: int) -> Outcome:
    """Run the experiment; `sizes` are those of `run_family`."""
    return run_family(FAMILY, full=full, data=data, **sizes)
