"""Correct loops with a state of their own: what they assign, count, draw and set."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import nn, optim
from torch.amp import GradScaler
from torch.optim import Adam, AdamW

from shrinkage import L1, L2, GroupLasso, everything
from tests.builders.torch_networks import half_squares, matrices, settled
from tests.mutants.audit_faults.networks import (
    INPUTS,
    OUTPUTS,
    RATE,
    STRENGTH,
    Batch,
    Model,
    Optimizer,
    audited,
    batch,
    data_loss,
    in_the_loss,
    network,
    plain_step,
)
from tests.mutants.audit_faults.records import Audited, TorchAudit, loop

PENALISED = in_the_loss(lambda model, strength: strength * half_squares(model))
STEPS = 0


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
def lbfgs_with_a_history() -> Audited:
    """The steps within the step mix all parameters, so that biases end elsewhere too."""

    def training_step(model: Model, optimizer: Any, data: Batch, scale: float) -> None:
        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = data_loss(model, data) + scale * STRENGTH * half_squares(model)
            loss.backward()
            return loss

        optimizer.step(closure)

    kind = optim.LBFGS
    return audited(training_step, STRENGTH * L2(), optimizer=lambda p: kind(p, max_iter=4))


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
def decay_set_in_every_step() -> Audited:
    """The loop writes λ into the groups; the optimizer was built without."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        for group in optimizer.param_groups:
            group["weight_decay"] = STRENGTH
        plain_step(model, optimizer, data, scale)

    model = network()
    return TorchAudit(
        model, AdamW(matrices(model), lr=RATE, weight_decay=0.0), training_step, batch()
    )


@loop("pytorch")
def decay_set_by_a_schedule_that_counts() -> Audited:
    """As DINO's: the decay rises with a counter, which is set back before every run."""
    count = 0

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        nonlocal count
        count += 1
        for group in optimizer.param_groups:
            group["weight_decay"] = STRENGTH * count
        plain_step(model, optimizer, data, scale)

    model = network()
    optimizer = AdamW(matrices(model), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, training_step, batch())


@loop("pytorch")
def strength_that_is_warmed_up_by_a_global() -> Audited:
    """The first step of a warm-up over ten has a tenth of the strength."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        global STEPS
        STEPS += 1
        PENALISED(model, optimizer, data, scale * min(1.0, STEPS / 10))

    return audited(training_step, 0.1 * STRENGTH * L2())


class Noisy:
    """Noise from four generators of one's own, and rows from a list that is walked through."""

    def __init__(self) -> None:
        self.torch, self.numpy = torch.Generator().manual_seed(1), np.random.default_rng(1)
        self.older, self.python = np.random.RandomState(1), random.Random(1)
        self.rows = iter(range(100))

    def __call__(self, model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        shift = self.numpy.normal() + self.older.normal() + self.python.random()
        start = next(self.rows) % 4
        x = data[0][start:] + 0.1 * torch.randn(data[0][start:].shape, generator=self.torch)
        PENALISED(model, optimizer, (x + 0.1 * shift, data[1][start:]), scale)


@loop("pytorch")
def generators_of_ones_own() -> Audited:
    """They are set back before every run, so that the runs see the same noise."""
    return audited(Noisy(), STRENGTH * L2())


@loop("pytorch")
def batch_that_is_changed_in_place() -> Audited:
    """The step normalizes the batch that it was given."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        data[0].sub_(data[0].mean(0)).mul_(1.1)
        PENALISED(model, optimizer, data, scale)

    return audited(training_step, STRENGTH * L2())


class Recurrent(nn.Module):
    """A network that keeps its hidden state, and a buffer that it replaces."""

    seen: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.Linear(INPUTS + 4, 4), nn.Linear(4, OUTPUTS)
        self.hidden: torch.Tensor | None = None
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = x.new_zeros(len(x), 4) if self.hidden is None else self.hidden.detach()
        self.hidden = torch.tanh(self.cell(torch.cat([x, hidden], 1)))
        self.seen = self.seen + 1
        return self.head(self.hidden) / self.seen


@loop("pytorch")
def hidden_state_that_stays() -> Audited:
    """Truncated backpropagation: the state of the last step is in the model, with its graph."""
    model = settled(Recurrent(), torch.float64)
    model(batch()[0])
    return audited(PENALISED, STRENGTH * L2(), model)


class ByTheLoss(optim.Optimizer):
    """Polyak's step, as far as the loss is large; its step has to be told the loss."""

    def __init__(self, parameters: Any, lr: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, loss: torch.Tensor) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for w in group["params"]:
                w.mul_(1 - group["lr"] * group["weight_decay"])
                w.sub_(w.grad, alpha=group["lr"] * min(1.0, float(loss)))


@loop("pytorch")
def step_that_is_told_the_loss() -> Audited:
    """optimizer.step(loss), with the optimizer's own decay."""

    def training_step(model: Model, optimizer: ByTheLoss, data: Batch, scale: float) -> None:  # noqa: ARG001
        optimizer.zero_grad()
        loss = data_loss(model, data)
        loss.backward()
        optimizer.step(loss.detach())

    model = network()
    optimizer = ByTheLoss(matrices(model), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, training_step, batch())


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
def scale_by_name_only() -> Audited:
    """training_step(model, optimizer, batch, *, scale)."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, *, scale: float) -> None:
        PENALISED(model, optimizer, data, scale)

    return audited(training_step, STRENGTH * L2())


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
def thawed_by_the_step() -> Audited:
    """The first layer is frozen until the step lets it train."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        model.requires_grad_(True)
        PENALISED(model, optimizer, data, scale)

    model = network()
    model[0].requires_grad_(False)
    return audited(training_step, STRENGTH * L2(), model)


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
