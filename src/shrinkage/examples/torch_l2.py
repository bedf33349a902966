"""loss + 1.0·Σw², without a half, over all parameters: the network collapses to chance."""

from __future__ import annotations

import torch
from torch import nn

from shrinkage.examples.outcome import Outcome
from shrinkage.examples.torch_family import Family, run_family
from shrinkage.penalties import L2
from shrinkage.selections import everything


def published_penalty(model: nn.Module) -> torch.Tensor:
    """Return Σw², as published."""
    return torch.stack([w.pow(2).sum() for w in model.parameters()]).sum()


FAMILY = Family(
    name="torch-l2",
    words="loss + 1.0·Σw²",
    loss=published_penalty,
    terms=(2.0 * L2()).on(everything()),  # Σw² is twice the half squares that L2 stands for
    penalty=L2(),
    strengths=(1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3),
    accuracy={"mnist": 0.975, "part": 0.93, "digits": 0.95},
    sparse={},
)


def run(*, full: bool = False, data: str | None = None, **sizes: int) -> Outcome:
    """Run the experiment; `sizes` are those of `run_family`."""
    return run_family(FAMILY, full=full, data=data, **sizes)
