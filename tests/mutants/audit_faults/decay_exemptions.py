"""PyTorch optimizers whose weight_decay is on biases and norms, which were to be exempt."""

from __future__ import annotations

from typing import Any

import torch

from shrinkage import L2
from tests.mutants.audit_faults.decay_groups import grouped
from tests.mutants.audit_faults.networks import (
    RATE,
    STRENGTH,
    Optimizer,
    audited,
    batch,
    normed,
    plain_step,
)
from tests.mutants.audit_faults.records import Audited, TorchAudit, fault


def adamw_on_all(parameters: Any) -> Optimizer:
    return torch.optim.AdamW(parameters, lr=RATE, weight_decay=STRENGTH)


@fault("pytorch", "bias-or-norm-penalised", "unselected-changed", severity="warning",
       source="https://github.com/Lightning-AI/lit-llama/issues/254")  # fmt: skip
def decay_on_all_parameters() -> Audited:
    """AdamW(model.parameters(), weight_decay=…)."""
    return audited(plain_step, None, normed(), optimizer=adamw_on_all)


@fault("pytorch", "unselected-changed", "bias-or-norm-penalised",
       source="https://github.com/ServiceNow/Fast-LLM/issues/542")  # fmt: skip
def decay_by_default_beside_terms() -> Audited:
    """Terms say weights, and a default of the parameters puts the decay on norms and biases."""
    return audited(plain_step, STRENGTH * L2(), normed(), optimizer=adamw_on_all)


@fault("pytorch", "bias-or-norm-penalised", "unselected-changed", severity="warning",
       source="https://github.com/huggingface/transformers/issues/4360")  # fmt: skip
def exemption_that_matches_no_norm() -> Audited:
    """The pattern says layer_norm, the layers are called LayerNorm."""
    exempt = ("layer_norm", "bias")
    model = normed("LayerNorm")
    optimizer = grouped(model, lambda name, _: not any(word in name for word in exempt))
    return TorchAudit(model, optimizer, plain_step, batch())


@fault("pytorch", "unselected-changed", "bias-or-norm-penalised",
       source="https://github.com/deepspeedai/DeepSpeedExamples/pull/755")  # fmt: skip
def exemption_in_another_spelling() -> Audited:
    """The list of exemptions was written for BERT, this model's norm is ln_f."""
    exempt = ("bias", "LayerNorm.weight")
    model = normed("ln_f")
    optimizer = grouped(
        model, lambda name, _: not any(word in name for word in exempt), torch.optim.SGD
    )
    return TorchAudit(model, optimizer, plain_step, batch(), STRENGTH * L2())


@fault("pytorch", "bias-or-norm-penalised", "unselected-changed", severity="warning",
       source="https://github.com/CyberZHG/keras-bert/issues/60")  # fmt: skip
def only_biases_exempt() -> Audited:
    """Biases have a group of their own, norm scales go with the weights."""
    model = normed()
    optimizer = grouped(model, lambda name, _: not name.endswith("bias"))
    return TorchAudit(model, optimizer, plain_step, batch())


@fault("pytorch", "unselected-changed", "bias-or-norm-penalised",
       source="https://github.com/ultralytics/yolov5/pull/8592")  # fmt: skip
def default_decay_of_the_other_group() -> Audited:
    """The group of biases and norms names no decay, and AdamW's default is not 0."""
    model = normed()
    optimizer = grouped(model, lambda _, p: p.ndim > 1, rest={})
    return TorchAudit(model, optimizer, plain_step, batch(), STRENGTH * L2())
