"""loss + 1.0·Σ|w| over all parameters, biases too: the network collapses, and no weight is zero.

The text wants sparse weights. A strength from a path gives them, exactly zero, at the accuracy of
the network without a penalty.
"""

from __future__ import annotations

import torch
from torch import nn

from shrinkage.examples.outcome import Outcome
from shrinkage.examples.torch_family import Family, run_family
from shrinkage.penalties import L1
from shrinkage.selections import everything


def published_penalty(model: nn.Module) -> torch.Tensor:
    """Return Σ|w|, as published."""
    return torch.stack([w.abs().sum() for w in model.parameters()]).sum()


FAMILY = Family(
    name="torch-l1",
    words="loss + 1.0·Σ|w|",
    loss=published_penalty,
    terms=(1.0 * L1()).on(everything()),
    penalty=L1(),
    strengths=(1e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3),
    accuracy={"mnist": 0.975, "part": 0.93, "digits": 0.95},
    sparse={"mnist": (0.60, 0.970), "part": (0.45, 0.92), "digits": (0.25, 0.94)},
)


def run(*, full: bool = False, data: str | None = None, **sizes: int) -> Outcome:
    """Run the experiment; `sizes` are those of `run_family`."""
    return run_family(FAMILY, full=full, data=data, **sizes)
