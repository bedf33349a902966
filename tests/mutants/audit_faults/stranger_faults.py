"""Loops in others' styles with a mistake: optimizers from papers, clipping in odd places."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.func import functional_call, grad
from torch.optim import SGD, AdamW

from shrinkage import L1, L2
from tests.builders.torch_networks import half_squares, matrices
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
from tests.mutants.audit_faults.records import Audited, Fault, TorchAudit, fault
from tests.mutants.published_optimizers import Factored, Lars, Lion, Muon, Shampoo, Slow, Written


def by(kind: type[Written], slip: str) -> TorchAudit:
    """Audit an optimizer with its mistake, against terms on the matrices."""
    model = network()
    optimizer = kind(matrices(model), lr=0.01, weight_decay=STRENGTH, slip=slip)
    return TorchAudit(model, optimizer, plain_step, batch(), STRENGTH * L2())


SLIPS: dict[type[Written], tuple[str, tuple[str, ...]]] = {
    Lion: ("no rate", ("decays-otherwise", "wrong-factor")),
    Muon: ("twice", ("decays-otherwise", "wrong-factor", "double-counted")),
    Lars: ("decay outside of the ratio", ("decays-otherwise", "wrong-factor")),
    Factored: ("by the size of the weights", ("decays-otherwise", "wrong-factor")),
    Shampoo: ("behind, without a rate", ("decays-otherwise", "wrong-factor")),
}
PAPERS = tuple(
    Fault(
        f"not-as-the-paper-has-it-{kind.__name__.lower()}",
        "pytorch",
        rules,
        "",
        lambda kind=kind, slip=slip: by(kind, slip),
    )
    for kind, (slip, rules) in SLIPS.items()
)


@fault("pytorch", "wrong-factor")
def slow_weights_beside_another_strength() -> Audited:
    """A lookahead in whose audited step the fast weights are set back; λ is tripled within."""
    model = network()
    inner = AdamW(matrices(model), lr=RATE, weight_decay=3 * STRENGTH)
    return TorchAudit(model, Slow(inner, every=1), plain_step, batch(), STRENGTH * L2())


@fault("pytorch", "wrong-factor")
def decay_that_falls_by_too_much() -> Audited:
    """The loop halves the decay in the groups before a step that should have all of it."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        for group in optimizer.param_groups:
            group["weight_decay"] *= 0.5
        plain_step(model, optimizer, data, scale)

    model = network()
    optimizer = AdamW(matrices(model), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, training_step, batch(), STRENGTH * L2())


@fault("pytorch", "no-effect")
def groups_that_are_built_anew_without_it() -> Audited:
    """The list of groups is emptied and filled, and the decay is not handed on."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.param_groups.clear()
        optimizer.add_param_group({"params": list(model.parameters()), "weight_decay": 0.0})
        plain_step(model, optimizer, data, scale)

    model = network()
    optimizer = AdamW(matrices(model), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, training_step, batch(), STRENGTH * L2())


@fault("pytorch", "no-effect")
def penalty_of_parameters_that_are_constants() -> Audited:
    """`torch.func.grad` differentiates its argument; the penalty is of the module's own weights."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        def loss(parameters: Any) -> torch.Tensor:
            residual = functional_call(model, parameters, (data[0],)) - data[1]
            return 0.5 * residual.square().mean() + scale * STRENGTH * half_squares(model)

        named = dict(model.named_parameters())
        for name, g in grad(loss)({name: p.detach() for name, p in named.items()}).items():
            named[name].grad = g
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@fault("pytorch", "clipped", severity="warning")
def penalty_whose_pass_comes_behind_the_clipping() -> Audited:
    """The data's gradient is clipped; then the penalty has a backward pass of its own."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        (100.0 * data_loss(model, data)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        (scale * 1e-3 * STRENGTH * half_squares(model)).backward()
        optimizer.step()

    return audited(training_step, 1e-3 * STRENGTH * L2())


@fault("pytorch", "not-linear")
def scale_of_the_whole_loss() -> Audited:
    """`scale` multiplies the sum of data loss and penalty."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        (scale * (data_loss(model, data) + STRENGTH * half_squares(model))).backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@fault("pytorch", "not-linear")
def convex_mix_of_loss_and_penalty() -> Audited:
    """What the penalty gains is taken from the data."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        a = scale * STRENGTH
        ((1 - a) * data_loss(model, data) + a * half_squares(model)).backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


class ClippingSGD(SGD):
    """Clips within its step, and adds its decay to what is left."""

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            nn.utils.clip_grad_norm_(group["params"], 0.01)
        return super().step(closure)


@fault("pytorch", "clipped", severity="warning")
def decay_beside_what_the_optimizer_clips() -> Audited:
    """The optimizer clips the data's gradient in its step, and not the decay."""
    model = network()
    optimizer = ClippingSGD(matrices(model), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, plain_step, batch())


@fault("pytorch", "accumulation-multiplied")
def prox_in_every_micro_batch() -> Audited:
    """Weights are soft-thresholded by lr·λ once for each of four micro-batches, some through 0."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        for part in zip(data[0].chunk(4), data[1].chunk(4), strict=True):
            (data_loss(model, part) / 4).backward()
            for w in matrices(model):
                w.data = w.data.sign() * (w.data.abs() - RATE * STRENGTH * scale).clamp(min=0)
        optimizer.step()

    return audited(training_step, STRENGTH * L1())
