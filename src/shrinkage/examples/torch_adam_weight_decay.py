"""`Adam(lr=1e-4, weight_decay=1.0)`: collapses, and through Adam it is not the L2 it is taken for.

What works is decoupled decay, AdamW's, whose strengths are of another size than those of L2 in
the loss: it is multiplied by the learning rate and not by Adam's metric.
"""

from __future__ import annotations

from shrinkage.examples.outcome import Outcome
from shrinkage.examples.torch_family import Family, run_family
from shrinkage.penalties import L2

FAMILY = Family(
    name="torch-adam-weight-decay",
    words="Adam(weight_decay=1.0)",
    weight_decay=1.0,
    penalty=L2(),
    update="decoupled",
    strengths=(1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1),
    accuracy={"mnist": 0.975, "part": 0.93, "digits": 0.95},
    sparse={},
)


def run(*, full: bool = False, data: str | None = None, **sizes: int) -> Outcome:
    """Run the experiment; `sizes` are those of `run_family`."""
    return run_family(FAMILY, full=full, data=data, **sizes)
