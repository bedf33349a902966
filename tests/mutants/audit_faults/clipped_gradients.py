"""PyTorch loops that clip the data's gradients, and the penalty not with them."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import SGD

from shrinkage import L1, L2
from shrinkage.pytorch import regularize
from tests.builders.torch_networks import half_squares
from tests.mutants.audit_faults.networks import (
    RATE,
    STRENGTH,
    Batch,
    Model,
    Optimizer,
    audited,
    batch,
    data_loss,
    network,
)
from tests.mutants.audit_faults.records import Audited, TorchAudit, fault


@fault("pytorch", "clipped", severity="warning")
def prox_beside_clipped_gradients() -> Audited:
    """A loss that is a sum: its gradients are cut to a twentieth, a prox behind them is not."""
    model = network()
    optimizer = SGD(model.parameters(), lr=RATE)
    regularize(optimizer, model, 1e-3 * STRENGTH * L1(), update="proximal")

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:  # noqa: ARG001
        optimizer.zero_grad()
        (100.0 * data_loss(model, data)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return TorchAudit(model, optimizer, training_step, batch())


@fault("pytorch", "clipped", severity="warning")
def penalty_cut_by_value() -> Audited:
    """At the bounds of clip_grad_value_ a step is the same with and without the penalty."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        (data_loss(model, data) + scale * STRENGTH * half_squares(model)).backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.005)
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@fault("pytorch", "clipped", severity="warning")
def penalty_in_gradients_that_saturate() -> Audited:
    """A tanh bounds every number of the gradient, in a hook of each parameter."""

    def bound(parameter: torch.Tensor) -> None:
        assert parameter.grad is not None
        parameter.grad.copy_(0.03 * torch.tanh(parameter.grad / 0.03))

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        hooks = [p.register_post_accumulate_grad_hook(bound) for p in model.parameters()]
        (10 * data_loss(model, data) + scale * STRENGTH * half_squares(model)).backward()
        for hook in hooks:
            hook.remove()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@fault("pytorch", "clipped", severity="warning")
def penalty_cut_in_a_hook_of_the_tensor() -> Audited:
    """Each number is cut on its way to the gradient, where backward seems to have made it so."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        hooks = [w.register_hook(lambda g: g.clamp(-0.005, 0.005)) for w in model.parameters()]
        (data_loss(model, data) + scale * STRENGTH * half_squares(model)).backward()
        for hook in hooks:
            hook.remove()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@fault("pytorch", "clipped", severity="warning")
def penalty_under_the_signs_of_gradients() -> Audited:
    """The step goes by the sign of each gradient, which a penalty hardly ever turns."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        (data_loss(model, data) + scale * STRENGTH * half_squares(model)).backward()
        for w in model.parameters():
            assert w.grad is not None
            w.grad = w.grad.sign()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())
