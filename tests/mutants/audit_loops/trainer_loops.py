"""Correct trainings of frameworks, by their own steps."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import SGD, AdamW

from tests.mutants.audit_faults.networks import RATE, STRENGTH, data_loss
from tests.mutants.audit_faults.records import Audited, loop
from tests.mutants.audit_faults.trained import (
    accelerate,
    decayed,
    lightning,
    right_penalty,
    skorch,
    transformers,
)
from tests.mutants.audit_faults.trainers import plain_sgd


def adamw(parameters: Any) -> AdamW:
    """Return AdamW whose weights decay."""
    return AdamW(decayed(parameters), lr=RATE, weight_decay=0.0)


def scaled_loss(model: nn.Module, data: Any, scale: float) -> torch.Tensor:
    """Return the loss with a penalty that the audit scales."""
    return data_loss(model, data) + right_penalty(model, scale * STRENGTH)


@loop("pytorch")
def lightning_adamw_by_groups() -> Audited:
    """Weights decay, biases do not."""
    return lightning(adamw)


@loop("pytorch")
def lightning_penalty_under_accumulation_and_clipping() -> Audited:
    """Lightning divides the loss, penalty and all, and clips what comes of it."""
    return lightning(plain_sgd, right_penalty, accumulate_grad_batches=4, gradient_clip_val=0.01)


@loop("pytorch")
def lightning_adamw_in_bfloat16() -> Audited:
    """Mixed precision beside a decoupled decay."""
    return lightning(adamw, precision="bf16-mixed")


@loop("pytorch")
def transformers_decay_of_the_trainer() -> Audited:
    """TrainingArguments(weight_decay=…) and the optimizer that Trainer builds."""
    return transformers(weight_decay=STRENGTH, warmup_steps=5, gradient_accumulation_steps=2)


@loop("pytorch")
def transformers_penalty_divided_by_the_micro_batches() -> Audited:
    """The penalty has its share in every micro-batch."""
    return transformers(
        lambda model, strength: right_penalty(model, strength) / 4,
        plain_sgd,
        gradient_accumulation_steps=4,
    )


@loop("pytorch")
def accelerate_penalty_under_accumulation() -> Audited:
    """accelerator.backward divides the loss, penalty and all."""
    return accelerate(scaled_loss, plain_sgd, gradient_accumulation_steps=4)


@loop("pytorch")
def accelerate_momentum_and_coupled_decay() -> Audited:
    """SGD's own decay behind accelerator.prepare."""
    return accelerate(
        lambda model, data: data_loss(model, data),
        lambda parameters: SGD(decayed(parameters), lr=RATE, momentum=0.9),
    )


@loop("pytorch")
def skorch_penalty_divided_by_the_batches_of_a_step() -> Audited:
    """A net that steps at every fourth batch divides both."""
    return skorch(lambda model, strength: right_penalty(model, strength) / 4, 4)
