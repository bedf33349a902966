"""Correct loops that handle the gradients between backward and the step."""

from __future__ import annotations

import torch
from torch import nn
from torch.amp import GradScaler
from torch.optim import Adam, AdamW

from shrinkage import L2
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
)
from tests.mutants.audit_faults.records import Audited, TorchAudit, loop


@loop("pytorch")
def rows_clipped_to_their_weights() -> Audited:
    """Adaptive clipping: a row's gradient is at most a hundredth of the row."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        (data_loss(model, data) + scale * STRENGTH * half_squares(model)).backward()
        for w in matrices(model):
            assert w.grad is not None
            most = 0.01 * w.detach().norm(dim=1, keepdim=True)
            w.grad.mul_((most / w.grad.norm(dim=1, keepdim=True)).clamp(max=1))
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@loop("pytorch")
def penalty_behind_unscale() -> Audited:
    """Gradients are those of the loss from unscale_ on; the penalty has a backward of its own."""
    scaler = GradScaler("cpu", init_scale=1024.0)

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        scaler.scale(data_loss(model, data)).backward()
        scaler.unscale_(optimizer)
        (scale * STRENGTH * half_squares(model)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        scaler.step(optimizer)
        scaler.update()

    return audited(training_step, STRENGTH * L2(), dtype=torch.float32)


@loop("pytorch")
def gradients_moved_to_their_mean() -> Audited:
    """Each row's mean is taken from the gradient before the penalty is added to it."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        data_loss(model, data).backward()
        for w in matrices(model):
            assert w.grad is not None
            w.grad.sub_(w.grad.mean(1, keepdim=True)).add_(w.detach(), alpha=scale * STRENGTH)
        optimizer.step()

    return audited(training_step, STRENGTH * L2(), optimizer=lambda p: Adam(p, lr=RATE))


@loop("pytorch")
def prepared_by_accelerate() -> Audited:
    """accelerator.backward on a prepared model; the prepared optimizer is looked through."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    plain = network(torch.float32)
    model, optimizer = accelerator.prepare(
        plain, AdamW(matrices(plain), lr=RATE, weight_decay=STRENGTH)
    )

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:  # noqa: ARG001
        optimizer.zero_grad()
        accelerator.backward(data_loss(model, data))
        accelerator.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return TorchAudit(model, optimizer, training_step, batch(torch.float32))


@loop("pytorch")
def gradients_that_are_set_and_clipped() -> Audited:
    """torch.autograd.grad, assigned, then clipped by norm under Adam."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        loss = data_loss(model, data) + scale * STRENGTH * half_squares(model)
        parameters = list(model.parameters())
        for w, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            w.grad = gradient
        nn.utils.clip_grad_norm_(parameters, 0.05)
        optimizer.step()

    return audited(training_step, STRENGTH * L2(), optimizer=lambda p: Adam(p, lr=RATE))


@loop("pytorch")
def loss_scale_by_hand() -> Audited:
    """The loss is multiplied by 512, and the gradients are divided by it, then clipped."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        loss = data_loss(model, data) + scale * STRENGTH * half_squares(model)
        (512.0 * loss).backward()
        for w in model.parameters():
            assert w.grad is not None
            w.grad.div_(512.0)
        nn.utils.clip_grad_norm_(model.parameters(), 0.05)
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@loop("pytorch")
def mean_over_micro_batches_by_hand() -> Audited:
    """Every micro-batch has the whole loss, and the gradients are divided by their number."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        for part in zip(data[0].chunk(4), data[1].chunk(4), strict=True):
            (data_loss(model, part) + scale * STRENGTH * half_squares(model)).backward()
        for w in model.parameters():
            assert w.grad is not None
            w.grad.mul_(1 / 4)
        optimizer.step()

    return audited(training_step, STRENGTH * L2(), optimizer=lambda p: Adam(p, lr=RATE))


@loop("pytorch")
def accumulated_by_accelerate() -> Audited:
    """The prepared optimizer takes a step for every second micro-batch only."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    plain = network(torch.float32)
    model, optimizer = accelerator.prepare(
        plain, AdamW(matrices(plain), lr=RATE, weight_decay=STRENGTH)
    )

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:  # noqa: ARG001
        for part in zip(data[0].chunk(2), data[1].chunk(2), strict=True):
            with accelerator.accumulate(model):
                accelerator.backward(data_loss(model, part))
                optimizer.step()
                optimizer.zero_grad()

    return TorchAudit(model, optimizer, training_step, batch(torch.float32))


@loop("pytorch")
def rows_of_gradients_of_length_one() -> Audited:
    """A hook gives each row of a gradient, penalty and data alike, the length 1."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        hooks = [
            w.register_hook(lambda g: g / g.norm(dim=-1, keepdim=True)) for w in matrices(model)
        ]
        (data_loss(model, data) + scale * STRENGTH * half_squares(model)).backward()
        for hook in hooks:
            hook.remove()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())
