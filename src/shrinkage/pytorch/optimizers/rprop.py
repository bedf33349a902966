"""Rprop, which moves by signs alone."""

from __future__ import annotations

from torch import optim

from shrinkage.pytorch.optimizers.base import OptimizerFacts, OwnDecay

FACTS: dict[type[optim.Optimizer], OptimizerFacts] = {
    optim.Rprop: OptimizerFacts(
        no_metric=(
            "moves each weight by the sign of its gradient, whatever the size, so that no "
            "threshold corresponds to a strength"
        ),
        own_decay=OwnDecay.NONE,
        adapts=True,
    )
}
