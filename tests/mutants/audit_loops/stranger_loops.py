"""Correct loops in others' styles: optimizers from papers, functions in the place of modules."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.optim import SGD, AdamW

from shrinkage import L2
from tests.builders.torch_networks import half_squares, matrices
from tests.mutants.audit_faults.decay_groups import grouped
from tests.mutants.audit_faults.networks import (
    RATE,
    STRENGTH,
    Batch,
    Model,
    Optimizer,
    audited,
    batch,
    data_loss,
    network,
    plain_step,
)
from tests.mutants.audit_faults.records import Audited, Loop, TorchAudit, loop
from tests.mutants.published_optimizers import Factored, Lars, Lion, Muon, Shampoo, Slow, Written


def by(kind: type[Written], *, all_at_once: bool = False) -> TorchAudit:
    """Audit what an optimizer's own setting says, on the matrices or in one group for all."""
    model = network()
    groups = [
        {"params": matrices(model), "weight_decay": STRENGTH},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    held = [{"params": list(model.parameters()), "weight_decay": STRENGTH}]
    return TorchAudit(model, kind(held if all_at_once else groups, lr=0.01), plain_step, batch())


KINDS = (Lion, Muon, Factored, Shampoo)
PAPERS = tuple(
    Loop(f"as-a-paper-has-it-{kind.__name__.lower()}", "pytorch", lambda kind=kind: by(kind))
    for kind in KINDS
)


@loop("pytorch")
def vectors_that_lars_itself_exempts() -> Audited:
    """One group with one decay, which the step leaves off biases."""
    return by(Lars, all_at_once=True)


@loop("pytorch")
def slow_weights_that_follow() -> Audited:
    """The audited step is one in which a lookahead sets the fast weights to the slow ones."""
    model = network()
    inner = grouped(model, lambda _, p: p.ndim > 1)
    return TorchAudit(model, Slow(inner, every=1), plain_step, batch())


@loop("pytorch")
def sharpness_aware_by_hand() -> Audited:
    """Two passes in one loop, the penalty in the second, which is the one that steps."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        data_loss(model, data).backward()
        with torch.no_grad():
            gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
            norm = torch.cat([g.flatten() for g in gradients]).norm()
            for p, g in zip(model.parameters(), gradients, strict=True):
                p.add_(0.05 * g / norm)
        optimizer.zero_grad()
        (data_loss(model, data) + scale * STRENGTH * half_squares(model)).backward()
        with torch.no_grad():
            for p, g in zip(model.parameters(), gradients, strict=True):
                p.sub_(0.05 * g / norm)
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@loop("pytorch")
def groups_that_are_built_anew_in_the_step() -> Audited:
    """As progressive unfreezing does: the list of groups is emptied and filled."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        decay = optimizer.param_groups[0]["weight_decay"]
        optimizer.param_groups.clear()
        optimizer.add_param_group({"params": matrices(model), "weight_decay": decay})
        biases = [p for p in model.parameters() if p.ndim < 2]
        optimizer.add_param_group({"params": biases, "weight_decay": 0.0})
        plain_step(model, optimizer, data, scale)

    model = network()
    return TorchAudit(model, grouped(model, lambda _, p: p.ndim > 1), training_step, batch())


@loop("pytorch")
def decay_that_falls_by_a_share() -> Audited:
    """The loop multiplies what is in the groups, and AdamW decays by what is left."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        for group in optimizer.param_groups:
            group["weight_decay"] *= 0.9
        plain_step(model, optimizer, data, scale)

    model = network()
    optimizer = AdamW(matrices(model), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, training_step, batch())


@loop("pytorch")
def gradients_of_a_function() -> Audited:
    """`torch.func.grad` of the loss as a function of the parameters; no backward pass at all."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        def loss(parameters: Any) -> torch.Tensor:
            residual = functional_call(model, parameters, (data[0],)) - data[1]
            squares = sum(w.square().sum() for w in parameters.values() if w.ndim > 1)
            return 0.5 * residual.square().mean() + scale * STRENGTH * squares / 2

        named = dict(model.named_parameters())
        for name, g in grad(loss)({name: p.detach() for name, p in named.items()}).items():
            named[name].grad = g
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


class Ensemble(nn.Module):
    """Three networks as one set of stacked parameters, called by `vmap`."""

    def __init__(self) -> None:
        super().__init__()
        one = network()
        self.one = [copy.deepcopy(one).to("meta")]  # no module of this one
        generator = torch.Generator().manual_seed(3)
        for name, p in one.named_parameters():
            noise = torch.randn(3, *p.shape, generator=generator, dtype=p.dtype)
            self.register_parameter(name.replace(".", "_"), nn.Parameter(0.4 * noise))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        named = {name.replace("_", "."): p for name, p in self.named_parameters()}
        run = vmap(lambda p, x: functional_call(self.one[0], p, (x,)), (0, None))
        return run(named, x).mean(0)


@loop("pytorch")
def networks_that_are_called_as_one() -> Audited:
    """Every weight of three networks lies in one array, whose penalty is the sum of theirs."""
    model = Ensemble()

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        squares = sum(p.square().sum() for n, p in model.named_parameters() if "weight" in n)
        (data_loss(model, data) + scale * STRENGTH * squares / 2).backward()
        optimizer.step()

    optimizer = SGD(model.parameters(), lr=RATE)
    return TorchAudit(model, optimizer, training_step, batch(), (STRENGTH * L2()).on("*weight"))
