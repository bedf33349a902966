"""Mistakes in trainings of frameworks: between the setting, the optimizer and the loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import SGD, AdamW

from tests.mutants.audit_faults.networks import RATE, STRENGTH, data_loss
from tests.mutants.audit_faults.records import Audited, fault
from tests.mutants.audit_faults.trained import (
    accelerate,
    decayed,
    lightning,
    right_penalty,
    skorch,
    transformers,
)


def plain_sgd(parameters: Any) -> SGD:
    """Return an optimizer without a decay."""
    return SGD(parameters, lr=RATE)


@fault("pytorch", "no-effect", source="https://github.com/autonomousvision/transfuser/issues/68")
def lightning_groups_that_are_made_and_not_used() -> Audited:
    """configure_optimizers sorts parameters into groups, and builds the optimizer of the list."""

    def build(parameters: Any) -> AdamW:
        parameters = list(parameters)
        decayed(parameters)
        return AdamW(parameters, lr=RATE, weight_decay=0.0)

    return lightning(build)


@fault("pytorch", "unselected-changed", source="https://github.com/d2l-ai/d2l-en/pull/2284")
def lightning_weight_decay_on_biases_too() -> Audited:
    """SGD(self.parameters(), weight_decay=…), where the text says that biases do not decay."""
    return lightning(lambda parameters: SGD(parameters, lr=RATE, weight_decay=STRENGTH))


@fault("pytorch", "double-counted")
def lightning_penalty_beside_the_decay_of_adamw() -> Audited:
    """The loss has the penalty, and the optimizer its own decay."""
    return lightning(lambda parameters: AdamW(decayed(parameters), lr=RATE), right_penalty)


@fault("pytorch", "no-effect")
def transformers_decay_beside_an_optimizer_of_ones_own() -> Audited:
    """TrainingArguments(weight_decay=…) is for the optimizer that Trainer builds."""
    return transformers(None, plain_sgd, weight_decay=STRENGTH)


@fault(
    "pytorch",
    "accumulation-multiplied",
    source="https://github.com/huggingface/transformers/issues/37766",
)
def transformers_penalty_in_every_micro_batch() -> Audited:
    """A model that takes num_items_in_batch has its loss divided by the Trainer no more."""
    return transformers(right_penalty, plain_sgd, gradient_accumulation_steps=4)


@fault("pytorch", "wrong-factor")
def accelerate_penalty_divided_twice() -> Audited:
    """accelerator.backward divides by the micro-batches, and the loss function as well."""

    def loss(model: nn.Module, data: Any, scale: float) -> torch.Tensor:
        return data_loss(model, data) + right_penalty(model, scale * STRENGTH) / 4

    return accelerate(loss, plain_sgd, gradient_accumulation_steps=4)


@fault("pytorch", "no-effect")
def accelerate_penalty_of_item() -> Audited:
    """loss + penalty.item(): it is printed, and has no gradient."""

    def loss(model: nn.Module, data: Any, scale: float) -> torch.Tensor:
        return data_loss(model, data) + right_penalty(model, scale * STRENGTH).item()

    return accelerate(loss, plain_sgd)


@fault("pytorch", "unselected-changed", source="https://github.com/skorch-dev/skorch/issues/81")
def skorch_penalty_over_all_parameters() -> Audited:
    """The proposed get_loss sums over module_.parameters(), biases too."""

    def squares(model: nn.Module, strength: float) -> Any:
        return strength * sum(w.pow(2).sum() for w in model.parameters()) / 2

    return skorch(squares)


@fault("pytorch", "accumulation-multiplied")
def skorch_loss_divided_and_penalty_not() -> Audited:
    """A net that steps at every fourth batch divides the loss of the data only."""
    return skorch(right_penalty, 4)
