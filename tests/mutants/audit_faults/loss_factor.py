"""PyTorch loops whose hand-written penalty arrives with a wrong factor."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from shrinkage import L1, L2, GroupLasso
from tests.builders.torch_networks import absolute_values, half_squares, matrices
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

PARTS = 4


@fault("pytorch", "wrong-factor")
def whole_squares() -> Audited:
    """λΣw² with a strength that was meant for ½λΣw²."""
    return audited(
        in_the_loss(lambda model, strength: 2 * strength * half_squares(model)), STRENGTH * L2()
    )


@fault("pytorch", "wrong-factor", "not-linear",
       source="https://github.com/KevinMusgrave/pytorch-metric-learning/issues/299")  # fmt: skip
def norm_that_is_not_squared() -> Audited:
    """λ‖w‖ a layer, where ½λ‖w‖² was meant."""

    def penalty(model: Model, strength: float):
        return strength * sum(w.norm() for w in matrices(model))

    return audited(in_the_loss(penalty), STRENGTH * L2())


@fault("pytorch", "wrong-factor",
       source="https://github.com/OverLordGoldDragon/see-rnn/pull/37")  # fmt: skip
def root_of_the_absolute_values() -> Audited:
    """√Σ|w|: the root of the 2-norm was left in the 1-norm."""

    def penalty(model: Model, strength: float):
        return strength * sum(w.abs().sum().sqrt() for w in matrices(model))

    return audited(in_the_loss(penalty), STRENGTH * L1(), dtype=torch.float32)


@fault("pytorch", "wrong-factor")
def mean_over_the_weights() -> Audited:
    """The penalty is a mean over the weights of each layer instead of a sum."""

    def penalty(model: Model, strength: float):
        return strength * sum(0.5 * w.square().mean() for w in matrices(model))

    return audited(in_the_loss(penalty), STRENGTH * L2(), dtype=torch.float32)


@fault("pytorch", "wrong-factor")
def group_without_its_size() -> Audited:
    """Σ‖w_g‖ without √|g|."""

    def penalty(model: Model, strength: float):
        return strength * sum(w.norm(dim=1).sum() for w in matrices(model))

    return audited(in_the_loss(penalty), STRENGTH * GroupLasso(per="output"))


@fault("pytorch", "wrong-factor", "accumulation-multiplied")
def once_for_every_sample() -> Audited:
    """A loss for every sample, each with the whole penalty, summed up; the data loss averaged."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        total = torch.zeros((), dtype=data[0].dtype)
        for x, y in zip(*data, strict=True):
            total = total + data_loss(model, (x, y)) / len(data[0])
            total = total + scale * STRENGTH * half_squares(model)
        total.backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@fault("pytorch", "accumulation-multiplied", "wrong-factor")
def once_for_every_part_of_the_batch() -> Audited:
    """The data loss is divided by the number of parts, the penalty is not."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        for x, y in zip(data[0].chunk(PARTS), data[1].chunk(PARTS), strict=True):
            loss = data_loss(model, (x, y)) / PARTS
            (loss + scale * STRENGTH * half_squares(model)).backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@fault("pytorch", "wrong-factor", "accumulation-multiplied")
def summed_over_the_replicas() -> Audited:
    """Each replica's data loss is divided by their number, its penalty is not; then a sum."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        replicas = zip(data[0].chunk(2), data[1].chunk(2), strict=True)
        losses = [
            data_loss(model, part) / 2 + scale * STRENGTH * absolute_values(model)
            for part in replicas
        ]
        torch.stack(losses).sum().backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L1(), dtype=torch.float32)


@fault("pytorch", "penalised-twice", "wrong-factor", "double-counted",
       source="https://github.com/keras-team/keras/issues/8807")  # fmt: skip
def shared_layer_counted_twice() -> Audited:
    """The encoder stands in two towers, and the sum over the towers has its weights twice."""

    class Towers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            encoder = network()
            self.left, self.right = encoder, encoder

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 0.5 * (self.left(x) + self.right(-x))

    def penalty(model: Any, strength: float):
        return strength * (half_squares(model.left) + half_squares(model.right))

    return audited(in_the_loss(penalty), STRENGTH * L2(), Towers())


@fault("pytorch", "wrong-factor", "penalised-twice", "double-counted",
       source="https://github.com/tensorflow/tensorflow/issues/43995")  # fmt: skip
def submodules_counted_with_their_parents() -> Audited:
    """modules() visits the container and its layers: every weight is in the sum three times."""

    def penalty(model: Model, strength: float):
        inner = [module for module in model.modules() if list(module.parameters())]
        return strength * sum(half_squares(m) for m in inner)

    return audited(in_the_loss(penalty), STRENGTH * L2(), nn.Sequential(network()))
