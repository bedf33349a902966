"""Correct loops that move the weights themselves: assigned, shrunk by hand, held twice."""

from __future__ import annotations

from typing import Any

import torch
from torch.optim import Adam, AdamW

from shrinkage import L1, L2, GroupLasso, everything
from tests.builders.torch_networks import half_squares, matrices
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
    plain_step,
)
from tests.mutants.audit_faults.records import Audited, TorchAudit, loop


@loop("pytorch")
def soft_threshold_by_assigned_data() -> Audited:
    """w.data = soft threshold of w.data, as tutorials on ISTA have it."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        plain_step(model, optimizer, data, scale)
        for w in matrices(model):
            w.data = w.data.sign() * (w.data.abs() - RATE * STRENGTH * scale).clamp(min=0)

    return audited(training_step, STRENGTH * L1())


@loop("pytorch")
def groups_shrunk_by_assigned_data() -> Audited:
    """A row's norm is reduced by lr·λ·√|g|, and the row is assigned."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        plain_step(model, optimizer, data, scale)
        for w in matrices(model):
            norms = w.data.norm(dim=1, keepdim=True)
            step = RATE * STRENGTH * scale * w.shape[1] ** 0.5
            w.data = w.data * (1 - step / norms).clamp(min=0)

    return audited(training_step, STRENGTH * GroupLasso(per="output"))


@loop("pytorch")
def decay_by_assigned_data() -> Audited:
    """p.data = p.data·(1 − lr·λ), between backward and step."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        data_loss(model, data).backward()
        for w in matrices(model):
            w.data = w.data * (1 - RATE * STRENGTH * scale)
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@loop("pytorch")
def decay_before_the_forward_pass() -> Audited:
    """The weights are shrunk first, and the gradient is that of the shrunk ones."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        with torch.no_grad():
            for w in matrices(model):
                w.mul_(1 - RATE * STRENGTH * scale)
        plain_step(model, optimizer, data, scale)

    return audited(training_step, STRENGTH * L2(), optimizer=lambda p: Adam(p, lr=RATE))


@loop("pytorch")
def decay_of_the_moved_weights() -> Audited:
    """Behind Adam's step, so that the weights which are shrunk are the moved ones."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        plain_step(model, optimizer, data, scale)
        with torch.no_grad():
            for w in matrices(model):
                w.mul_(1 - RATE * STRENGTH * scale)

    return audited(training_step, STRENGTH * L2(), optimizer=lambda p: Adam(p, lr=RATE))


@loop("pytorch")
def decoupled_by_hand_in_front_of_adam() -> Audited:
    """Between backward and step, so that Adam does not see it."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        data_loss(model, data).backward()
        with torch.no_grad():
            for w in matrices(model):
                w.mul_(1 - RATE * STRENGTH * scale)
        optimizer.step()

    return audited(training_step, STRENGTH * L2(), optimizer=lambda p: Adam(p, lr=RATE))


def in_masters(model: Model, optimizer: Any, masters: list[Any]) -> None:
    """Step copies of the parameters with the gradients of these, and copy them back."""
    for master, w in zip(masters, model.parameters(), strict=True):
        master.grad = None if w.grad is None else w.grad.to(master.dtype)
    optimizer.step()
    with torch.no_grad():
        for master, w in zip(masters, model.parameters(), strict=True):
            w.copy_(master)


@loop("pytorch")
def master_weights_with_a_penalty() -> Audited:
    """The optimizer holds float64 copies of float32 parameters."""
    model = network(torch.float32)
    masters = [w.detach().double().requires_grad_() for w in model.parameters()]

    def training_step(model: Model, optimizer: Any, data: Batch, scale: float) -> None:
        model.zero_grad()
        (data_loss(model, data) + scale * STRENGTH * half_squares(model)).backward()
        in_masters(model, optimizer, optimizer.param_groups[0]["params"])

    optimizer = Adam(masters, lr=RATE)
    return TorchAudit(model, optimizer, training_step, batch(torch.float32), STRENGTH * L2())


@loop("pytorch")
def master_weights_with_a_decay() -> Audited:
    """The decay is AdamW's, on the copies of all parameters."""
    model = network()
    masters = [w.detach().clone().requires_grad_() for w in model.parameters()]

    def training_step(model: Model, optimizer: Any, data: Batch, scale: float) -> None:  # noqa: ARG001
        model.zero_grad()
        data_loss(model, data).backward()
        in_masters(model, optimizer, optimizer.param_groups[0]["params"])

    optimizer = AdamW(masters, lr=RATE, weight_decay=STRENGTH)
    terms = (STRENGTH * L2()).on(everything())
    return TorchAudit(model, optimizer, training_step, batch(), terms)


@loop("pytorch")
def rows_bounded_behind_a_decay() -> Audited:
    """Max-norm by hand: what AdamW decays is then cut to rows of at most a length."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch) -> None:
        plain_step(model, optimizer, data, 1.0)
        with torch.no_grad():
            for w in matrices(model):
                w.mul_((0.8 / w.norm(dim=1, keepdim=True)).clamp(max=1))

    model = network()
    optimizer = AdamW(matrices(model), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, training_step, batch())
