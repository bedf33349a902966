"""Correct loops that train, average or ask a second network in the same step."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.optim import SGD, Adam, AdamW
from torch.optim.swa_utils import SWALR, AveragedModel

from shrinkage import L1, L2
from tests.builders.torch_networks import absolute_values, half_squares, matrices, settled
from tests.mutants.audit_faults.networks import (
    INPUTS,
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
from tests.mutants.audit_faults.other_networks import maker
from tests.mutants.audit_faults.records import Audited, TorchAudit, loop

PENALISED = in_the_loss(lambda model, strength: strength * half_squares(model))


def noise(rows: int) -> torch.Tensor:
    return torch.randn(rows, 3, dtype=torch.float64)


@loop("pytorch")
def discriminator_of_a_gan() -> Audited:
    """Both networks are trained in one step, the generator second."""
    generator = maker()
    other = Adam(generator.parameters(), lr=1e-2)

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        made = generator(noise(len(data[0])))
        optimizer.zero_grad()
        loss = data_loss(model, data) + model(made.detach()).square().mean()
        (loss + scale * STRENGTH * half_squares(model)).backward()
        optimizer.step()
        other.zero_grad()
        (-model(made).square().mean()).backward()
        other.step()

    return audited(training_step, STRENGTH * L2())


@loop("pytorch")
def generator_of_a_gan() -> Audited:
    """The audited network makes what the other one judges; the other steps first."""
    judge = network()
    other = Adam(judge.parameters(), lr=1e-2)

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        made = model(noise(len(data[0])))
        other.zero_grad()
        (data_loss(judge, data) + judge(made.detach()).square().mean()).backward()
        other.step()
        optimizer.zero_grad()
        loss = (judge(made) - 1).square().mean() + scale * STRENGTH * absolute_values(model)
        loss.backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L1(), maker())


@loop("pytorch")
def critic_with_a_gradient_penalty() -> Audited:
    """‖∂D(x)/∂x‖ near 1, through a second backward pass, beside the decay of AdamW."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:  # noqa: ARG001
        x = data[0].clone().requires_grad_()
        optimizer.zero_grad()
        (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        (data_loss(model, data) + 0.1 * (slope.norm(dim=1) - 1).square().mean()).backward()
        optimizer.step()

    model = network()
    optimizer = AdamW(matrices(model), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, training_step, batch())


@loop("pytorch")
def critic_with_clamped_weights() -> Audited:
    """Weights are clamped behind the step, as WGAN has it; none reaches the limit."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        PENALISED(model, optimizer, data, scale)
        for w in model.parameters():
            w.data.clamp_(-5, 5)

    return audited(training_step, STRENGTH * L2())


@loop("pytorch")
def moving_average_of_the_weights() -> Audited:
    """An EMA copy, updated behind every step."""
    model = network()
    average = copy.deepcopy(model)

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        PENALISED(model, optimizer, data, scale)
        with torch.no_grad():
            for mean, w in zip(average.parameters(), model.parameters(), strict=True):
                mean.lerp_(w, 0.01)

    return audited(training_step, STRENGTH * L2(), model)


class Average:
    """An EMA by name, with a count that warms it up, and a swap for evaluation."""

    def __init__(self, model: nn.Module) -> None:
        self.count = 0
        self.shadow = {name: w.detach().clone() for name, w in model.named_parameters()}

    def update(self, model: nn.Module) -> None:
        self.count += 1
        rate = 1 / (1 + self.count)
        for name, w in model.named_parameters():
            self.shadow[name] = (1 - rate) * self.shadow[name] + rate * w.detach()

    def pull(self, model: nn.Module) -> torch.Tensor:
        """Return how far the weights are from the average."""
        far = ((w - self.shadow[name]).square().sum() for name, w in model.named_parameters())
        return sum(far, torch.zeros(()))


@loop("pytorch")
def average_by_name_that_the_loss_asks() -> Audited:
    """The weights are held near their average, which the step changes."""
    model = network()
    average = Average(model)

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        loss = data_loss(model, data) + 0.01 * average.pull(model)
        (loss + scale * STRENGTH * half_squares(model)).backward()
        optimizer.step()
        average.update(model)

    return audited(training_step, STRENGTH * L2(), model)


@loop("pytorch")
def stochastic_weight_averaging() -> Audited:
    """AveragedModel and SWALR, both stepped in the loop."""
    model = network()
    optimizer = SGD(matrices(model), lr=RATE, weight_decay=STRENGTH)
    averaged = AveragedModel(model)
    scheduler = SWALR(optimizer, swa_lr=0.01)

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        plain_step(model, optimizer, data, scale)
        averaged.update_parameters(model)
        scheduler.step()

    return TorchAudit(model, optimizer, training_step, batch())


@loop("pytorch")
def momentum_encoder_with_a_queue() -> Audited:
    """MoCo's: a slow copy makes keys, which go into a queue that the loss looks at."""
    model = network()
    slow = settled(copy.deepcopy(model), torch.float64, seed=2)
    queue = [torch.zeros(4, 2, dtype=torch.float64)]

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        with torch.no_grad():
            for mean, w in zip(slow.parameters(), model.parameters(), strict=True):
                mean.mul_(0.9).add_(w, alpha=0.1)
            keys = slow(data[0])
        optimizer.zero_grad()
        near = functional.mse_loss(model(data[0]), keys + queue[-1].mean())
        (near + scale * STRENGTH * half_squares(model)).backward()
        optimizer.step()
        queue.append(keys[:4])
        del queue[:-2]

    return audited(training_step, STRENGTH * L2(), model)


@loop("pytorch")
def distilled_from_a_teacher() -> Audited:
    """The teacher is only asked; it stays in evaluation."""
    teacher = settled(nn.Sequential(nn.Linear(INPUTS, 2), nn.BatchNorm1d(2)), torch.float64).eval()

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        with torch.no_grad():
            wanted = teacher(data[0])
        PENALISED(model, optimizer, (data[0], wanted), scale)

    return audited(training_step, STRENGTH * L2())


@loop("pytorch")
def target_network_of_every_second_step() -> Audited:
    """A counter decides when the target is a copy of the weights."""
    target, count = network(), [0]

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        count[0] += 1
        if count[0] % 2 == 0:
            target.load_state_dict(model.state_dict())
        with torch.no_grad():
            wanted = 0.5 * data[1] + 0.5 * target(data[0])
        PENALISED(model, optimizer, (data[0], wanted), scale)

    return audited(training_step, STRENGTH * L2())


class Trainer:
    """Two networks and two optimizers as attributes; the step is a method."""

    def __init__(self) -> None:
        self.main, self.other = network(), maker()
        self.optimizers = {"main": SGD(self.main.parameters(), lr=RATE),
                           "other": Adam(self.other.parameters(), lr=RATE)}  # fmt: skip
        self.losses: list[float] = []

    def step(self, model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        made = self.other(noise(len(data[0])))
        self.optimizers["other"].zero_grad()
        self.main(made).square().mean().backward()
        self.optimizers["other"].step()
        PENALISED(model, optimizer, data, scale)
        self.losses.append(data_loss(model, data).item())


@loop("pytorch")
def method_of_a_trainer_with_two_networks() -> Audited:
    """The other network's loss goes through the caller's own first network."""
    trainer = Trainer()
    return TorchAudit(
        trainer.main, trainer.optimizers["main"], trainer.step, batch(), STRENGTH * L2()
    )


def two_steps(first: Callable[..., Any], *, share: float) -> Callable[..., None]:
    """Return a step whose loss is a mixture of two batches' losses."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        order = torch.randperm(len(data[0]))
        mixed = share * data[0] + (1 - share) * data[0][order]
        optimizer.zero_grad()
        loss = share * first(model(mixed), data[1])
        loss = loss + (1 - share) * first(model(mixed), data[1][order])
        (loss + scale * STRENGTH * half_squares(model)).backward()
        optimizer.step()

    return training_step


@loop("pytorch")
def mixed_rows() -> Audited:
    """Mixup, with a permutation from the global generator."""
    return audited(two_steps(functional.mse_loss, share=0.7), STRENGTH * L2())
