"""PyTorch loops whose list of exemptions, or whose tags, do not do what they are there for."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import SGD, AdamW

from shrinkage import L2
from tests.builders.torch_networks import settled
from tests.mutants.audit_faults.decay_groups import grouped
from tests.mutants.audit_faults.networks import (
    INPUTS,
    OUTPUTS,
    RATE,
    STRENGTH,
    Model,
    audited,
    batch,
    in_the_loss,
    normed,
    plain_step,
)
from tests.mutants.audit_faults.records import Audited, TorchAudit, fault


class OwnNorm(nn.Module):
    """A normalization by the root mean square, as language models write their own."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


class Decoder(nn.Module):
    """A hidden layer, a norm of one's own, a state's decay and skip, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(INPUTS, 6, bias=False)
        self.input_layernorm = OwnNorm(6)
        self.A_log, self.D = nn.Parameter(torch.empty(6, 2)), nn.Parameter(torch.empty(6))
        self.head = nn.Linear(6, OUTPUTS, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(self.dense(x))
        state = self.A_log.exp().neg().exp().mean(1)
        return self.head(self.input_layernorm(hidden * state + self.D * hidden))


def decoder() -> Decoder:
    """Return a `Decoder` with settled parameters."""
    return settled(Decoder(), torch.float64)


def norm_classes_only(model: Model) -> set[str]:
    """Return the names of the parameters in norms that a list of classes knows."""
    return {
        f"{name}.{own}"
        for name, module in model.named_modules()
        if isinstance(module, nn.LayerNorm)
        for own, _ in module.named_parameters(recurse=False)
    }


@fault("pytorch", "bias-or-norm-penalised", severity="warning",
       source="https://github.com/huggingface/transformers/pull/35927")  # fmt: skip
def norm_that_no_list_of_classes_knows() -> Audited:
    """The exemption asks for nn.LayerNorm, and the model has a norm of its own."""
    model = decoder()
    exempt = norm_classes_only(model) | {"A_log", "D"}
    optimizer = grouped(model, lambda name, _: name not in exempt)
    return TorchAudit(model, optimizer, plain_step, batch())


@fault("pytorch", "unselected-changed", "bias-or-norm-penalised",
       source="https://github.com/huggingface/transformers/issues/42754")  # fmt: skip
def names_that_these_models_do_not_use() -> Audited:
    """The list has "LayerNorm.weight", this model says input_layernorm."""
    model = decoder()
    exempt = ("bias", "LayerNorm.weight", "A_log", "D")
    optimizer = grouped(model, lambda name, _: not any(word in name for word in exempt))
    return TorchAudit(model, optimizer, plain_step, batch(), (STRENGTH * L2()).on("*.weight"))


@fault("pytorch", "unselected-changed", "bias-or-norm-penalised",
       source="https://github.com/dhlee347/pytorchic-bert/pull/22")  # fmt: skip
def full_names_looked_for_in_a_list_of_endings() -> Audited:
    """`name not in no_decay` is true of every full name."""
    exempt = ["bias", "gamma", "beta"]
    model = normed()
    optimizer = grouped(model, lambda name, _: name not in exempt)
    return TorchAudit(model, optimizer, plain_step, batch(), STRENGTH * L2())


@fault("pytorch", "unselected-changed", source="https://github.com/namisan/mt-dnn/pull/37")
def second_group_almost_empty() -> Audited:
    """The same test for both groups: only a name that is an ending goes to the second."""
    exempt = ["bias", "gamma", "beta", "LayerNorm.bias", "LayerNorm.weight"]
    model = normed("LayerNorm")
    optimizer = grouped(model, lambda name, _: name not in exempt, SGD)
    return TorchAudit(model, optimizer, plain_step, batch(), STRENGTH * L2())


@fault("pytorch", "bias-or-norm-penalised", severity="warning",
       source="https://github.com/karpathy/minGPT/issues/23")  # fmt: skip
def norms_with_the_matrices() -> Audited:
    """Biases are left out by name; a norm's weight is called weight."""
    model = normed()
    optimizer = grouped(model, lambda name, _: name.endswith("weight"))
    return TorchAudit(model, optimizer, plain_step, batch())


@fault("pytorch", "unselected-changed", "bias-or-norm-penalised",
       source="https://github.com/state-spaces/mamba/issues/798")  # fmt: skip
def tag_that_nobody_reads() -> Audited:
    """`_no_weight_decay` is set on two parameters, and the optimizer takes all of them."""
    model: Any = decoder()
    model.A_log._no_weight_decay = model.D._no_weight_decay = True
    optimizer = AdamW(model.parameters(), lr=RATE, weight_decay=STRENGTH)
    terms = (STRENGTH * L2()).on("dense.*", "head.*")
    return TorchAudit(model, optimizer, plain_step, batch(), terms)


@fault("pytorch", "bias-or-norm-penalised", severity="warning",
       source="https://github.com/athms/mad-lab/issues/5")  # fmt: skip
def everything_of_a_state_space_model() -> Audited:
    """Skips and norms decay with the matrices."""
    optimizer = AdamW
    return audited(
        plain_step, None, decoder(), optimizer=lambda p: optimizer(p, lr=RATE, weight_decay=0.1)
    )


@fault("pytorch", "wrong-factor", source="https://github.com/rwth-i6/returnn/issues/1439")
def decay_of_a_parameter_ignored() -> Audited:
    """Each parameter says its decay, and the engine gives all of them the global one."""
    model: Any = decoder()
    model.dense.weight.weight_decay, model.head.weight.weight_decay = STRENGTH, 3 * STRENGTH
    optimizer = grouped(model, lambda name, _: name in ("dense.weight", "head.weight"))
    terms = (STRENGTH * L2()).on("dense.*") + (3 * STRENGTH * L2()).on("head.*")
    return TorchAudit(model, optimizer, plain_step, batch(), terms)


@fault("pytorch", "selected-unchanged")
def tag_on_the_wrong_parameter() -> Audited:
    """The loop leaves tagged parameters out, and the head was tagged."""
    model: Any = decoder()
    model.A_log._no_weight_decay = model.head.weight._no_weight_decay = True

    def penalty(model: Model, strength: float) -> Any:
        untagged = [w for w in model.parameters() if not hasattr(w, "_no_weight_decay")]
        return strength * sum(0.5 * w.square().sum() for w in untagged if w.ndim > 1)

    terms = (STRENGTH * L2()).on("dense.*", "head.*")
    return audited(in_the_loss(penalty), terms, model)


@fault("pytorch", "wrong-factor", source="https://github.com/cvxgrp/strat_models/issues/5")
def norm_that_was_never_squared() -> Audited:
    """λ‖w‖ for each layer, called L2."""

    def penalty(model: Model, strength: float) -> Any:
        return strength * sum(w.norm() for w in model.parameters() if w.ndim > 1)

    return audited(in_the_loss(penalty), STRENGTH * L2())
