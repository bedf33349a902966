"""Correct loops with adapters, tags, and groups as training scripts build them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import SGD, AdamW

from shrinkage import L2, biases
from tests.builders.torch_networks import half_squares, matrices, settled
from tests.mutants.audit_faults.adapters import adapted, trained
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
from tests.mutants.audit_faults.tags_and_lists import decoder


@loop("pytorch")
def both_factors_of_an_adapter() -> Audited:
    """AdamW on what trains: down, up and the head; the base is frozen and outside."""
    model = adapted()
    optimizer = AdamW([w for w in trained(model) if w.ndim > 1], lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, plain_step, batch())


@loop("pytorch")
def adapter_whose_second_factor_is_zero() -> Audited:
    """up begins at zero, so that down has no gradient in the first step."""
    model = adapted()
    with torch.no_grad():
        model.up.zero_()
    optimizer = AdamW([model.down, model.up], lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, plain_step, batch())


@loop("pytorch")
def frozen_base_in_the_optimizer() -> Audited:
    """All parameters are given; those without a gradient are passed over."""
    model = adapted()
    groups = [
        {"params": matrices(model), "weight_decay": STRENGTH},
        {"params": [w for w in model.parameters() if w.ndim < 2], "weight_decay": 0.0},
    ]
    return TorchAudit(model, AdamW(groups, lr=RATE), plain_step, batch())


@loop("pytorch")
def default_terms_over_a_frozen_base() -> Audited:
    """The terms are on weights, and those of the base do not train."""
    model = adapted()

    def penalty(model: Model, strength: float) -> Any:
        return strength * sum(0.5 * w.square().sum() for w in trained(model) if w.ndim > 1)

    optimizer = SGD(trained(model), lr=RATE)
    return TorchAudit(model, optimizer, in_the_loss(penalty), batch(), STRENGTH * L2())


@loop("pytorch")
def only_biases_train() -> Audited:
    """BitFit, with a decay of the biases that was chosen."""
    model = network()
    for w in matrices(model):
        w.requires_grad_(False)
    optimizer = AdamW(trained(model), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, plain_step, batch(), (STRENGTH * L2()).on(biases()))


@loop("pytorch")
def tags_that_the_groups_read() -> Audited:
    """`_no_weight_decay`, as state-space models have it, decides about the group."""
    model: Any = decoder()
    exempt = (model.A_log, model.D, model.input_layernorm.weight)
    for w in exempt:
        w._no_weight_decay = True
    groups = [
        {"params": [w for w in model.parameters() if not hasattr(w, "_no_weight_decay")]},
        {"params": list(exempt), "weight_decay": 0.0},
    ]
    optimizer = AdamW(groups, lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(
        model, optimizer, plain_step, batch(), (STRENGTH * L2()).on("dense.*", "head.*")
    )


@loop("pytorch")
def tags_that_the_penalty_reads() -> Audited:
    """The loop asks each parameter that it is given."""
    model: Any = decoder()
    model.A_log._no_weight_decay = True

    def penalty(model: Model, strength: float) -> Any:
        untagged = [w for w in matrices(model) if not getattr(w, "_no_weight_decay", False)]
        return strength * sum(0.5 * w.square().sum() for w in untagged)

    return audited(in_the_loss(penalty), (STRENGTH * L2()).on("dense.*", "head.*"), model)


@loop("pytorch")
def masks_as_tags() -> Audited:
    """A mask on the parameter says which weights the gradient may move; the decay is coupled."""
    model: Any = network()
    model[0].weight.mask = torch.ones_like(model[0].weight).tril()

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:  # noqa: ARG001
        optimizer.zero_grad()
        data_loss(model, data).backward()
        for w in model.parameters():
            if hasattr(w, "mask"):
                w.grad.mul_(w.mask)  # type: ignore[union-attr]
        optimizer.step()

    optimizer = SGD(matrices(model), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, training_step, batch())


@loop("pytorch")
def rates_that_fall_from_layer_to_layer() -> Audited:
    """One group a layer, as layer-wise decay of the learning rate needs them."""
    model = network()
    groups = []
    for depth, layer in enumerate((model[2], model[0])):
        rate = RATE * 0.7**depth
        groups.append({"params": [layer.weight], "lr": rate, "weight_decay": STRENGTH})
        groups.append({"params": [layer.bias], "lr": rate, "weight_decay": 0.0})
    return TorchAudit(model, AdamW(groups), plain_step, batch(), STRENGTH * L2())


class Tied(nn.Module):
    """An embedding whose array is the head's too, beside a hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, INPUTS)
        self.dense = nn.Linear(INPUTS, INPUTS)
        self.head = nn.Linear(INPUTS, 7, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        words = (x[:, 0].abs() * 3).long() % 7
        return self.head(torch.tanh(self.dense(self.embed(words))))[:, :OUTPUTS]


@loop("pytorch")
def tied_array_in_one_of_two_groups() -> Audited:
    """named_parameters has it once, as the embedding, whose group does not decay."""
    model = settled(Tied(), torch.float64)
    named = dict(model.named_parameters())
    groups = [
        {"params": [w for n, w in named.items() if "embed" not in n and w.ndim > 1]},
        {
            "params": [w for n, w in named.items() if "embed" in n or w.ndim < 2],
            "weight_decay": 0.0,
        },
    ]
    optimizer = AdamW(groups, lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, plain_step, batch())


@loop("pytorch")
def parameters_shared_out_to_two_optimizers() -> Audited:
    """The head has an optimizer of its own, which the step makes; the body's is audited."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        second = SGD(model.get_submodule("2").parameters(), lr=RATE)
        optimizer.zero_grad()
        second.zero_grad()
        loss = data_loss(model, data)
        (loss + scale * STRENGTH * 0.5 * model.get_parameter("0.weight").square().sum()).backward()
        optimizer.step()
        second.step()

    model = network()
    optimizer = SGD(model[0].parameters(), lr=RATE)
    return TorchAudit(model, optimizer, training_step, batch(), (STRENGTH * L2()).on("0.*"))


@loop("pytorch")
def frozen_in_the_step_and_thawed_again() -> Audited:
    """The body is frozen while the head's loss is computed."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        body = model.get_submodule("0")
        optimizer.zero_grad()
        body.requires_grad_(False)
        (0.5 * data_loss(model, data)).backward()
        body.requires_grad_(True)
        (0.5 * data_loss(model, data) + scale * STRENGTH * half_squares(model)).backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())
