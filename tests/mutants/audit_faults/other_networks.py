"""PyTorch loops with a second network: the penalty is on the wrong one of the two."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.optim import SGD
from torch.optim.swa_utils import AveragedModel

from shrinkage import L2
from tests.builders.torch_networks import half_squares, matrices, settled
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
from tests.mutants.audit_faults.records import Audited, TorchAudit, fault


def maker() -> nn.Module:
    """Return a network that makes inputs."""
    return settled(nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, INPUTS)), torch.float64)


@fault("pytorch", "no-effect")
def penalty_on_the_generator() -> Audited:
    """The discriminator's loss has the generator's weights in it, by a slip of the name."""
    generator = maker()

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        made = generator(torch.randn(len(data[0]), 3, dtype=torch.float64)).detach()
        optimizer.zero_grad()
        loss = data_loss(model, data) + model(made).square().mean()
        (loss + scale * STRENGTH * half_squares(generator)).backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@fault("pytorch", "no-effect")
def penalty_on_the_average() -> Audited:
    """The moving average is decayed, and the weights that are trained are not."""
    model = network()
    average = copy.deepcopy(model)

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        plain_step(model, optimizer, data, scale)
        with torch.no_grad():
            for mean, w in zip(average.parameters(), model.parameters(), strict=True):
                mean.lerp_(w, 0.1)
                mean.mul_(1 - RATE * STRENGTH * scale)

    return audited(training_step, STRENGTH * L2(), model)


@fault("pytorch", "no-effect")
def penalty_on_the_averaged_model() -> Audited:
    """The penalty is computed of the AveragedModel, whose parameters do not train."""
    model = network()
    averaged = AveragedModel(model)

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        in_the_loss(lambda _, strength: strength * half_squares(averaged))(
            model, optimizer, data, scale
        )
        averaged.update_parameters(model)

    return audited(training_step, STRENGTH * L2(), model)


class Two(nn.Module):
    """Two discriminators whose answers are added."""

    def __init__(self) -> None:
        super().__init__()
        self.periods, self.resolutions = nn.Linear(INPUTS, 2), nn.Linear(INPUTS, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.periods(x) + torch.tanh(self.resolutions(x))


@fault("pytorch", "not-in-optimizer", "selected-unchanged",
       source="https://github.com/line/open-universe/issues/5")  # fmt: skip
def one_discriminator_given_twice() -> Audited:
    """The list of parameters has one discriminator twice and the other never."""
    model = settled(Two(), torch.float64)
    parameters = dict.fromkeys([*model.resolutions.parameters(), *model.resolutions.parameters()])
    optimizer = SGD(parameters, lr=RATE, weight_decay=STRENGTH)
    terms = (STRENGTH * L2()).on("*.weight")
    return TorchAudit(model, optimizer, plain_step, batch(), terms)


@fault("pytorch", "double-counted", "wrong-factor", "penalised-twice")
def parameters_in_two_optimizers() -> Audited:
    """A second optimizer is built over the same parameters, each has the whole decay."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        second = SGD(matrices(model), lr=RATE, weight_decay=scale * STRENGTH)
        plain_step(model, optimizer, data, scale)
        second.step()

    model = network()
    optimizer = SGD(matrices(model), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, training_step, batch(), STRENGTH * L2())


@fault("pytorch", "wrong-factor", source="https://github.com/kekmodel/FixMatch-pytorch/issues/15")
def decay_in_the_averages_update() -> Audited:
    """The average's update shrinks the weights that are trained, without the learning rate."""
    model = network()
    average = copy.deepcopy(model)

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        plain_step(model, optimizer, data, scale)
        with torch.no_grad():
            for mean, w in zip(average.parameters(), model.parameters(), strict=True):
                mean.lerp_(w, 0.1)
                if w.ndim > 1:
                    w.mul_(1 - STRENGTH * scale)

    return audited(training_step, STRENGTH * L2(), model)
