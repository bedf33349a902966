"""L-BFGS, which moves by a full matrix and evaluates the loss several times a step."""

from __future__ import annotations

from torch import optim

from shrinkage.pytorch.optimizers.base import OptimizerFacts, OwnDecay

_LINE_SEARCH = (
    "its line search and its history evaluate the loss several times a step, and have to see the "
    "penalty in it"
)

FACTS: dict[type[optim.Optimizer], OptimizerFacts] = {
    optim.LBFGS: OptimizerFacts(
        no_metric=(
            "moves by a full matrix, made of its last steps, and evaluates the loss several times "
            "a step, so that no diagonal metric exists"
        ),
        own_decay=OwnDecay.NONE,
        refuses=dict.fromkeys(("gradient", "decoupled", "proximal"), _LINE_SEARCH),
        instead="use update='loss' and add attachment.loss() in the closure",
    )
}
