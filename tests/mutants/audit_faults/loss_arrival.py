"""PyTorch loops whose hand-written penalty reaches no weight."""

from __future__ import annotations

import torch

from shrinkage import L1, L2
from tests.builders.torch_networks import half_squares, matrices
from tests.mutants.audit_faults.networks import (
    STRENGTH,
    Batch,
    Model,
    Optimizer,
    audited,
    data_loss,
    in_the_loss,
    network,
)
from tests.mutants.audit_faults.records import Audited, fault


@fault("pytorch", "no-effect", source="https://github.com/bioFAM/scDORI/issues/19")
def norm_of_dot_data() -> Audited:
    """Σ|w| of w.data: the value moves, the gradient does not."""

    def penalty(model: Model, strength: float):
        return strength * sum(w.data.abs().sum() for w in matrices(model))

    return audited(in_the_loss(penalty), STRENGTH * L1())


@fault("pytorch", "no-effect", source="https://github.com/tdrussell/qlora-pipe/pull/29")
def norm_of_the_state_dict() -> Audited:
    """The arrays of model.state_dict() are detached."""

    def penalty(model: Model, strength: float):
        arrays = model.state_dict().values()
        return strength * sum(0.5 * w.square().sum() for w in arrays if w.ndim > 1)

    return audited(in_the_loss(penalty), STRENGTH * L2())


@fault("pytorch", "no-effect")
def value_as_a_number() -> Audited:
    """.item() turns the penalty into a constant."""

    def penalty(model: Model, strength: float):
        return strength * half_squares(model).item()

    return audited(in_the_loss(penalty), STRENGTH * L2(), optimizer=torch.optim.Adam)


@fault("pytorch", "no-effect")
def penalty_after_backward() -> Audited:
    """The penalty is added to a loss whose gradient has been taken already."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        loss = data_loss(model, data)
        loss.backward()
        loss = loss + scale * STRENGTH * half_squares(model)
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@fault("pytorch", "no-effect")
def penalty_after_the_step() -> Audited:
    """The penalty's gradient comes after the step and is cleared before the next."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        data_loss(model, data).backward()
        optimizer.step()
        (scale * STRENGTH * half_squares(model)).backward()

    return audited(training_step, STRENGTH * L2())


@fault("pytorch", "no-effect")
def weights_of_another_model() -> Audited:
    """The penalty is of the model as it was before it was wrapped and copied."""
    original = network()

    def penalty(model: Model, strength: float):  # noqa: ARG001
        return strength * half_squares(original)

    return audited(in_the_loss(penalty), STRENGTH * L2())


@fault("pytorch", "no-effect", source="https://github.com/tensorflow/tensorflow/issues/33556")
def empty_list_of_losses() -> Audited:
    """The loop adds up model.losses, which nobody has filled."""

    def penalty(model: Model, strength: float):
        return strength * sum(getattr(model, "losses", []), torch.zeros(()))

    return audited(in_the_loss(penalty), STRENGTH * L2(), dtype=torch.float32)
