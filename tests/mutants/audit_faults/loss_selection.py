"""PyTorch loops whose hand-written penalty is on too few parameters, too many, or other ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from shrinkage import L1, L2
from tests.builders.torch_networks import half_squares
from tests.mutants.audit_faults.networks import (
    STRENGTH,
    Model,
    audited,
    in_the_loss,
    network,
    normed,
)
from tests.mutants.audit_faults.records import Audited, fault


@fault(
    "pytorch",
    "selected-unchanged",
    source="https://github.com/tensorflow/tensorflow/issues/42880",
)
def functions_that_see_the_last_layer() -> Audited:
    """A lambda a layer, all of which read the loop variable after the loop has ended."""

    def penalty(model: Any, strength: float):
        losses: list[Any] = []
        for layer in model.modules():
            if isinstance(layer, nn.Linear):
                losses.append(lambda: 0.5 * layer.weight.square().sum())  # noqa: B023
        return strength * sum(loss() for loss in losses)

    return audited(in_the_loss(penalty), STRENGTH * L2())


@fault("pytorch", "selected-unchanged")
def last_layer_left_out() -> Audited:
    """list(model)[:-1] leaves out the head as well as what was meant."""

    def penalty(model: Any, strength: float):
        layers = [layer for layer in list(model)[:-1] if isinstance(layer, nn.Linear)]
        return strength * sum(layer.weight.abs().sum() for layer in layers)

    return audited(in_the_loss(penalty), STRENGTH * L1(), dtype=torch.float32)


@fault(
    "pytorch",
    "unselected-changed",
    "bias-or-norm-penalised",
    source="https://github.com/ikhlestov/vision_networks/issues/21",
)
def sum_over_all_variables() -> Audited:
    """The sum over model.parameters() has the biases in it."""

    def penalty(model: Model, strength: float):
        return strength * sum(0.5 * p.square().sum() for p in model.parameters())

    return audited(in_the_loss(penalty), STRENGTH * L2())


@fault(
    "pytorch",
    "unselected-changed",
    "bias-or-norm-penalised",
    source="https://github.com/huggingface/transformers/issues/16908",
)
def norm_under_another_name() -> Audited:
    """LayerNorm.weight is exempt by its name, and this model calls it layer_norm."""
    exempt = ("bias", "LayerNorm.weight")

    def penalty(model: Model, strength: float):
        named = model.named_parameters()
        chosen = [p for name, p in named if not any(word in name for word in exempt)]
        return strength * sum(0.5 * p.square().sum() for p in chosen)

    return audited(in_the_loss(penalty), STRENGTH * L2(), normed())


@fault("pytorch", "not-in-optimizer", "selected-unchanged",
       source="https://github.com/facebookresearch/spartan/issues/1")  # fmt: skip
def layer_replaced_after_the_optimizer() -> Audited:
    """The optimizer holds the head that was, not the one that is trained."""
    model = network()
    found = audited(
        in_the_loss(lambda model, strength: strength * half_squares(model)),
        STRENGTH * L2(),
        model,
    )
    model[2] = network()[2]
    return found


@fault("pytorch", "pattern-matches-nothing")
def misspelt_pattern() -> Audited:
    """The selection names a layer that the model does not have."""
    terms = (STRENGTH * L2()).on("encodre.*")
    penalty = in_the_loss(lambda model, strength: strength * half_squares(model))
    return audited(penalty, terms)
