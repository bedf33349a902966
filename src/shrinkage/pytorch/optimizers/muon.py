"""Muon, whose step is an orthogonal matrix: no weight has a step size of its own."""

from __future__ import annotations

from torch import optim

from shrinkage.pytorch.optimizers.base import OptimizerFacts, OwnDecay

_MUON = OptimizerFacts(
    no_metric=(
        "makes all singular values of a step equal, so that a weight's step depends on the "
        "gradients of the others and no diagonal metric exists"
    ),
    own_decay=OwnDecay.DECOUPLED,
    adapts=True,
)

FACTS: dict[type[optim.Optimizer], OptimizerFacts] = (
    {optim.Muon: _MUON} if hasattr(optim, "Muon") else {}  # since torch 2.9
)
