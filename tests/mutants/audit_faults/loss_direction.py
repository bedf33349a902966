"""PyTorch loops whose hand-written penalty pushes in a wrong direction."""

from __future__ import annotations

from typing import Any

import torch

from shrinkage import L1, L2, GroupLasso
from tests.builders.torch_networks import half_squares, matrices
from tests.mutants.audit_faults.networks import (
    RATE,
    STRENGTH,
    Batch,
    Model,
    Optimizer,
    audited,
    data_loss,
    in_the_loss,
)
from tests.mutants.audit_faults.records import Audited, fault


@fault("pytorch", "wrong-direction", source="https://github.com/andersbll/nnet/issues/4")
def penalty_subtracted() -> Audited:
    """loss − penalty."""
    return audited(
        in_the_loss(lambda model, strength: -strength * half_squares(model)), STRENGTH * L2()
    )


@fault("pytorch", "wrong-direction")
def penalty_in_a_maximized_objective() -> Audited:
    """The objective is maximized, and the penalty is added to it."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        (-data_loss(model, data) + scale * STRENGTH * half_squares(model)).backward()
        optimizer.step()

    def optimizer(parameters: Any) -> Optimizer:
        return torch.optim.SGD(parameters, lr=RATE, maximize=True)

    return audited(training_step, STRENGTH * L2(), optimizer=optimizer)


@fault("pytorch", "wrong-direction", "wrong-factor",
       source="https://github.com/eriklindernoren/ML-From-Scratch/pull/103")  # fmt: skip
def default_norm_for_l1() -> Audited:
    """The norm of L1 is computed by a function whose default is the 2-norm."""

    def penalty(model: Model, strength: float):
        return strength * sum(torch.linalg.vector_norm(w) for w in matrices(model))

    return audited(in_the_loss(penalty), STRENGTH * L1())


@fault("pytorch", "wrong-direction", "wrong-factor")
def squares_written_for_absolute_values() -> Audited:
    """½Σw² stands where the terms say L1."""
    return audited(
        in_the_loss(lambda model, strength: strength * half_squares(model)), STRENGTH * L1()
    )


@fault("pytorch", "wrong-direction")
def groups_along_the_other_axis() -> Audited:
    """One group an output unit, where the terms say input units."""

    def penalty(model: Model, strength: float):
        return strength * sum(w.shape[1] ** 0.5 * w.norm(dim=1).sum() for w in matrices(model))

    return audited(in_the_loss(penalty), STRENGTH * GroupLasso(per="input"))


@fault("pytorch", "wrong-direction")
def norm_of_the_gradients() -> Audited:
    """After backward, the group norm's direction is taken from p.grad instead of p."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        data_loss(model, data).backward()
        with torch.no_grad():
            for w in matrices(model):
                assert w.grad is not None
                size = w.shape[1] ** 0.5
                w.grad += scale * STRENGTH * size * w.grad / w.grad.norm(dim=1, keepdim=True)
        optimizer.step()

    return audited(training_step, STRENGTH * GroupLasso(per="output"))
