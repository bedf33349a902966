"""Correct loops with a loss scale, autocast, bfloat16 weights and accumulation."""

from __future__ import annotations

import torch
from torch import nn
from torch.amp import GradScaler

from shrinkage import L1, L2
from tests.builders.torch_networks import absolute_values, half_squares, matrices
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

PARTS = 4


@loop("pytorch")
def penalty_inside_the_loss_scale() -> Audited:
    """The whole loss is scaled."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        scaler = GradScaler("cpu", init_scale=1024.0)
        optimizer.zero_grad()
        loss = data_loss(model, data) + scale * STRENGTH * half_squares(model)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    return audited(training_step, STRENGTH * L2(), dtype=torch.float32)


@loop("pytorch")
def gradient_added_after_unscaling() -> Audited:
    """unscale_ first, then λ·sign(w), with a scaler that the loop closes over."""
    scaler = GradScaler("cpu", init_scale=256.0)

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        scaler.scale(data_loss(model, data)).backward()
        scaler.unscale_(optimizer)
        for w in matrices(model):
            assert w.grad is not None
            w.grad.add_(w.detach().sign(), alpha=scale * STRENGTH)
        scaler.step(optimizer)
        scaler.update()

    return audited(training_step, STRENGTH * L1(), dtype=torch.float32)


@loop("pytorch")
def weight_decay_under_a_loss_scale() -> Audited:
    """The decay is the optimizer's, which sees unscaled gradients."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:  # noqa: ARG001
        scaler = GradScaler("cpu", init_scale=1024.0)
        optimizer.zero_grad()
        scaler.scale(data_loss(model, data)).backward()
        scaler.step(optimizer)
        scaler.update()

    return TorchAudit(*decaying(torch.float32), training_step, batch(torch.float32))


def decaying(dtype: torch.dtype = torch.float64) -> tuple[Model, Optimizer]:
    """Return a network and AdamW with decay on its matrices."""
    model = network(dtype)
    groups = [
        {"params": matrices(model), "weight_decay": STRENGTH},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    return model, torch.optim.AdamW(groups, lr=RATE)


@loop("pytorch")
def autocast_bfloat16() -> Audited:
    """The forward pass in bfloat16, weights and penalty in float32."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            predictions = model(data[0])
        loss = 0.5 * nn.functional.mse_loss(predictions.float(), data[1])
        (loss + scale * STRENGTH * absolute_values(model)).backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L1(), dtype=torch.float32)


@loop("pytorch")
def bfloat16_weights_with_a_strong_decay() -> Audited:
    """lr·λ = 0.05: far above the resolution of bfloat16."""
    model = network(torch.bfloat16)
    groups = [
        {"params": matrices(model), "weight_decay": 1.0},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE)
    return TorchAudit(model, optimizer, plain_step, batch(torch.bfloat16))


@loop("pytorch")
def accumulation_with_divided_loss() -> Audited:
    """Loss and penalty of every part are divided by the number of parts."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        for part in zip(data[0].chunk(PARTS), data[1].chunk(PARTS), strict=True):
            loss = data_loss(model, part) + scale * STRENGTH * half_squares(model)
            (loss / PARTS).backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@loop("pytorch")
def accumulation_with_one_penalty() -> Audited:
    """The penalty has a backward pass of its own, once a step."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        (scale * STRENGTH * absolute_values(model)).backward()
        for part in zip(data[0].chunk(PARTS), data[1].chunk(PARTS), strict=True):
            (data_loss(model, part) / PARTS).backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L1(), dtype=torch.float32)
