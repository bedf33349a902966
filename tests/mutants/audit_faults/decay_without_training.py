"""PyTorch loops in which weights decay that no gradient trains: they drift to zero."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tests.builders.torch_networks import settled
from tests.mutants.audit_faults.networks import (
    INPUTS,
    OUTPUTS,
    RATE,
    STRENGTH,
    Batch,
    Model,
    Optimizer,
    batch,
    data_loss,
    network,
)
from tests.mutants.audit_faults.records import Audited, TorchAudit, fault


class Spectral(torch.optim.Optimizer):
    """A step that gives a zero gradient to every parameter that has none, and decays it."""

    def __init__(self, parameters: Any, lr: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ARG002
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(parameter.grad, alpha=-group["lr"])


class WithSpare(nn.Module):
    """A network with a layer that the loss does not use."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.spare = network(), nn.Linear(INPUTS, OUTPUTS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.used(x)


def matrices_with_decay(model: nn.Module) -> list[dict[str, Any]]:
    """Return groups in which matrices decay and the rest does not."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim < 2]
    return [
        {"params": matrices, "weight_decay": STRENGTH},
        {"params": others, "weight_decay": 0.0},
    ]


@fault("pytorch", "decays-without-gradient", severity="warning",
       source="https://github.com/KellerJordan/Muon/issues/54")  # fmt: skip
def optimizer_that_decays_where_there_is_no_gradient() -> Audited:
    """A missing gradient is replaced by zeros, and the decay follows."""
    model = WithSpare()
    settled(model, torch.float64)
    optimizer = Spectral(matrices_with_decay(model), lr=RATE, weight_decay=0.0)

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:  # noqa: ARG001
        optimizer.zero_grad()
        data_loss(model, data).backward()
        optimizer.step()

    return TorchAudit(model, optimizer, training_step, batch())


@fault("pytorch", "decays-without-gradient", severity="warning",
       source="https://github.com/pytorch/pytorch/issues/38581")  # fmt: skip
def gradients_masked_to_zero() -> Audited:
    """The gradients of a layer are set to zero so that it stays, and SGD decays it."""
    model = network()
    optimizer = torch.optim.SGD(matrices_with_decay(model), lr=RATE)

    def training_step(model: Any, optimizer: Optimizer, data: Batch, scale: float) -> None:  # noqa: ARG001
        handles = [p.register_hook(torch.zeros_like) for p in model[0].parameters()]
        optimizer.zero_grad()
        data_loss(model, data).backward()
        optimizer.step()
        for handle in handles:
            handle.remove()

    return TorchAudit(model, optimizer, training_step, batch())


class Words(nn.Module):
    """A table of words and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(9, 4), nn.Linear(4, OUTPUTS)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.head(self.table(words))


@fault("pytorch", "decays-without-gradient", severity="warning",
       source="https://github.com/huggingface/diffusers/issues/1009")  # fmt: skip
def old_words_of_a_table() -> Audited:
    """Only the new word's row is trained, the gradients of the others are zero, all decay."""
    model = Words()
    settled(model, torch.float64)
    optimizer = torch.optim.AdamW(matrices_with_decay(model), lr=RATE)
    generator = torch.Generator().manual_seed(3)
    words = torch.tensor([8, 1, 8, 2, 8])
    data = words, torch.randn(5, OUTPUTS, generator=generator, dtype=torch.float64)

    def training_step(model: Any, optimizer: Optimizer, data: Batch, scale: float) -> None:  # noqa: ARG001
        optimizer.zero_grad()
        data_loss(model, data).backward()
        model.table.weight.grad[:8] = 0.0
        optimizer.step()

    return TorchAudit(model, optimizer, training_step, data)


def zeroed_and_trained(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:  # noqa: ARG001
    """Give every parameter a gradient of zeros, as flat buffers do, and train."""
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    data_loss(model, data).backward()
    optimizer.step()


@fault("pytorch", "frozen-but-decays", "decays-without-gradient",
       source="https://github.com/iamwangyabin/S-Prompts/pull/2")  # fmt: skip
def frozen_layer_in_the_optimizer() -> Audited:
    """requires_grad is off, the gradients are zeros, and the decay acts."""
    model = network()
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(matrices_with_decay(model), lr=RATE, momentum=0.9)
    return TorchAudit(model, optimizer, zeroed_and_trained, batch())


@fault("pytorch", "frozen-but-decays", "decays-without-gradient",
       source="https://github.com/ahrefs/ocannl/issues/673")  # fmt: skip
def frozen_backbone_that_takes_steps() -> Audited:
    """A backbone that is frozen for the gradient takes the optimizer's steps all the same."""
    model = WithSpare()
    settled(model, torch.float64)
    model.spare.requires_grad_(False)
    optimizer = torch.optim.AdamW(matrices_with_decay(model), lr=RATE)
    return TorchAudit(model, optimizer, zeroed_and_trained, batch())
