"""PyTorch loops in which a loss scale or the dtype of the weights loses the penalty."""

from __future__ import annotations

import torch
from torch.amp import GradScaler

from shrinkage import L1, L2
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
from tests.mutants.audit_faults.records import Audited, TorchAudit, fault

LOSS_SCALE = 1024.0


@fault("pytorch", "amp-unscaled", "wrong-factor",
       source="https://github.com/NVIDIA/OpenSeq2Seq/pull/127")  # fmt: skip
def penalty_outside_the_loss_scale() -> Audited:
    """The data loss is scaled, the penalty is not, and both are unscaled."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        scaler = GradScaler("cpu", init_scale=LOSS_SCALE)
        optimizer.zero_grad()
        loss = scaler.scale(data_loss(model, data))
        (loss + scale * STRENGTH * half_squares(model)).backward()
        scaler.step(optimizer)
        scaler.update()

    return audited(training_step, STRENGTH * L2(), dtype=torch.float32)


@fault("pytorch", "amp-unscaled", "wrong-factor",
       source="https://github.com/VainF/Torch-Pruning/issues/231")  # fmt: skip
def sign_added_to_scaled_gradients() -> Audited:
    """λ·sign(w) is added to gradients that still carry the loss scale."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        scaler = GradScaler("cpu", init_scale=LOSS_SCALE)
        optimizer.zero_grad()
        scaler.scale(data_loss(model, data)).backward()
        for w in matrices(model):
            assert w.grad is not None
            w.grad.data.add_(scale * STRENGTH * torch.sign(w.data))
        scaler.step(optimizer)
        scaler.update()

    return audited(training_step, STRENGTH * L1(), dtype=torch.float32)


@fault("pytorch", "wrong-factor", "amp-unscaled",
       source="https://github.com/chainer/chainer/pull/7491")  # fmt: skip
def decay_that_does_not_know_the_loss_scale() -> Audited:
    """A loss scale by hand: the decay joins the gradients before they are divided by it."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        (LOSS_SCALE * data_loss(model, data)).backward()
        with torch.no_grad():
            for w in matrices(model):
                assert w.grad is not None
                w.grad += scale * STRENGTH * w
            for parameter in model.parameters():
                assert parameter.grad is not None
                parameter.grad /= LOSS_SCALE
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


def decayed(dtype: torch.dtype, rate: float, strength: float) -> TorchAudit:
    """Audit AdamW with its decay on the matrices only."""
    model = network(dtype)
    others = [p for p in model.parameters() if p.ndim == 1]
    groups = [
        {"params": matrices(model), "weight_decay": strength},
        {"params": others, "weight_decay": 0.0},
    ]
    return TorchAudit(model, torch.optim.AdamW(groups, lr=rate), plain_step, batch(dtype))


@fault("pytorch", "below-resolution", "no-effect",
       source="https://github.com/pytorch/pytorch/pull/64475")  # fmt: skip
def decay_of_a_hundred_millionth() -> Audited:
    """AdamW with lr = weight_decay = 1e-4: 1 − 1e-8 is 1 in float32."""
    return decayed(torch.float32, 1e-4, 1e-4)


@fault("pytorch", "below-resolution", "no-effect",
       source="https://github.com/Nerogar/OneTrainer/issues/996")  # fmt: skip
def decay_of_bfloat16_weights() -> Audited:
    """weight_decay 0.01 times lr 1e-3 is far below half a unit in the last place of bfloat16."""
    return decayed(torch.bfloat16, 1e-3, 0.01)


@fault("pytorch", "below-resolution", "no-effect", "wrong-factor")
def soft_threshold_of_bfloat16_weights() -> Audited:
    """A threshold of lr·λ = 5e-5 after the step, in the dtype of the weights."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        plain_step(model, optimizer, data, scale)
        with torch.no_grad():
            for w in matrices(model):
                threshold = RATE * scale * 1e-3
                w.sub_(w.clamp(-threshold, threshold))

    return audited(training_step, (1e-3 * L1()).with_update("proximal"), dtype=torch.bfloat16)
