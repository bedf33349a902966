"""PyTorch loops that shrink the weights themselves, beside the optimizer."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW

from shrinkage import L1, L2
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
from tests.mutants.audit_faults.records import Audited, TorchAudit, fault


@fault("pytorch", "wrong-factor", "double-counted", "penalised-twice",
       source="https://github.com/dylanyunlon/Neuron_SP/issues/13")  # fmt: skip
def decay_by_hand_and_by_adamw() -> Audited:
    """The weights are multiplied by 1 − lr·λ, and AdamW has λ too."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        data_loss(model, data).backward()
        with torch.no_grad():
            for w in matrices(model):
                w.mul_(1 - RATE * STRENGTH * scale)
        optimizer.step()

    model = network()
    optimizer = grouped(model, lambda _, p: p.ndim > 1)
    return TorchAudit(model, optimizer, training_step, batch(), STRENGTH * L2())


@fault("pytorch", "wrong-factor", source="https://github.com/dholzmueller/pytabkit/issues/40")
def factors_of_a_layer_multiplied_in_twice() -> Audited:
    """The getters have multiplied by the layer's factors already."""
    rates, decays = {"0.weight": 0.1, "2.weight": 6.0}, {"0.weight": 1.0, "2.weight": 0.5}

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        data_loss(model, data).backward()
        with torch.no_grad():
            for name, w in model.named_parameters():
                if w.ndim > 1:
                    rate, decay = RATE * rates[name], STRENGTH * decays[name]
                    w.mul_(1 - scale * rate * decay * rates[name] * decays[name])
        optimizer.step()

    model = network()
    named = model.named_parameters()
    groups = [{"params": [w], "lr": RATE * rates.get(name, 1.0)} for name, w in named]
    terms = (STRENGTH * L2()).on("0.*") + (0.5 * STRENGTH * L2()).on("2.*")
    return TorchAudit(model, SGD(groups, lr=RATE), training_step, batch(), terms)


@fault("pytorch", "wrong-factor", source="https://github.com/FluxML/model-zoo/pull/303")
def decay_behind_the_learning_rate() -> Audited:
    """The decay is a link of the chain behind the optimizer, where no rate multiplies it."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        plain_step(model, optimizer, data, scale)
        with torch.no_grad():
            for w in matrices(model):
                w.sub_(w, alpha=STRENGTH * scale)

    return audited(training_step, STRENGTH * L2())


@fault("pytorch", "wrong-factor")
def decay_before_the_forward_pass_without_a_rate() -> Audited:
    """The weights are shrunk by λ first, and the gradient is that of the shrunk ones."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        with torch.no_grad():
            for w in matrices(model):
                w.mul_(1 - STRENGTH * scale)
        plain_step(model, optimizer, data, scale)

    return audited(training_step, STRENGTH * L2())


@fault("pytorch", "double-counted", "wrong-factor")
def decay_before_the_forward_pass_and_in_the_loss() -> Audited:
    """The weights are shrunk by lr·λ first, and the loss has ½λΣw² as well."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        with torch.no_grad():
            for w in matrices(model):
                w.mul_(1 - RATE * STRENGTH * scale)
        optimizer.zero_grad()
        (data_loss(model, data) + scale * STRENGTH * half_squares(model)).backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@fault("pytorch", "no-effect", source="https://github.com/jolibrain/joliGEN/pull/555")
def decay_in_the_place_of_epsilon() -> Audited:
    """Adam(parameters, lr, betas, weight_decay): the fourth argument is ε."""
    model = network()
    optimizer = Adam(model.parameters(), RATE, (0.9, 0.999), STRENGTH)
    return TorchAudit(model, optimizer, plain_step, batch(), STRENGTH * L2())


@fault("pytorch", "not-linear", "wrong-factor",
       source="https://github.com/nitrain/nitrain/issues/42")  # fmt: skip
def strength_inside_and_outside_of_the_value() -> Audited:
    """The regularizer multiplies by its strength, and so does who calls it."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        strength = scale * STRENGTH
        value = sum((strength * w.square().sum() for w in matrices(model)), torch.zeros(()))
        optimizer.zero_grad()
        (data_loss(model, data) + strength * value).backward()
        optimizer.step()

    return audited(training_step, STRENGTH * L2())


@fault("pytorch", "wrong-factor")
def threshold_without_the_learning_rate() -> Audited:
    """p.data is replaced by its soft threshold at λ, where lr·λ is meant."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        plain_step(model, optimizer, data, scale)
        for w in matrices(model):
            w.data = w.data.sign() * (w.data.abs() - 0.1 * STRENGTH * scale).clamp(min=0)

    return audited(training_step, 0.1 * STRENGTH * L1())


@fault("pytorch", "no-effect")
def clamp_written_for_a_threshold() -> Audited:
    """p.data is replaced by a clamp that touches no weight."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        plain_step(model, optimizer, data, scale)
        for w in model.parameters():
            w.data = w.data.clamp(-10 / max(scale, 1), 10)

    return audited(training_step, STRENGTH * L1())


@fault("pytorch", "wrong-direction")
def sign_push_beside_adam() -> Audited:
    """λ·sign(w) is taken from the weights, where λ·w is meant; Adam hides no such thing."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        plain_step(model, optimizer, data, scale)
        with torch.no_grad():
            for w in matrices(model):
                w.sub_(w.sign(), alpha=RATE * STRENGTH * scale)

    adam = Adam
    return audited(training_step, STRENGTH * L2(), optimizer=lambda p: adam(p, lr=RATE))


@fault("pytorch", "no-effect")
def loop_that_switches_the_decay_off() -> Audited:
    """A schedule that ends at 0 writes its last value into the groups in every step."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        for group in optimizer.param_groups:
            group["weight_decay"] = 0.0
        plain_step(model, optimizer, data, scale)

    model = network()
    return TorchAudit(model, grouped(model, lambda _, p: p.ndim > 1), training_step, batch())


@fault("pytorch", "wrong-factor")
def schedule_that_sets_another_decay() -> Audited:
    """The loop writes λ·lr into the groups, and AdamW multiplies by the rate again."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        for group in optimizer.param_groups:
            group["weight_decay"] = STRENGTH * group["lr"]
        plain_step(model, optimizer, data, scale)

    model = network()
    optimizer = AdamW(matrices(model), lr=RATE, weight_decay=0.0)
    return TorchAudit(model, optimizer, training_step, batch(), STRENGTH * L2())


class Rotary(nn.Module):
    """A layer that keeps its angles as a parameter and passes no gradient to them."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(5, 6)
        self.angles = nn.Parameter(torch.ones(2, 6))
        self.head = nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        angles = self.angles.detach() + 0 * self.angles
        return self.head(torch.tanh(self.dense(x)) * angles[0].cos())


@fault("pytorch", "decays-without-gradient", severity="warning",
       source="https://github.com/marin-community/levanter/pull/504")  # fmt: skip
def angles_that_only_decay() -> Audited:
    """A table without a gradient lies among the parameters, and decays in every step."""
    model: Any = Rotary().double()

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:  # noqa: ARG001
        optimizer.zero_grad(set_to_none=False)
        data_loss(model, data).backward()
        optimizer.step()

    optimizer = SGD(matrices(model), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, training_step, batch(), STRENGTH * L2())


@fault("pytorch", "wrong-factor")
def decay_by_the_rate_of_another_group() -> Audited:
    """All weights are multiplied by 1 − lr·λ with the learning rate of the first group."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        rate = optimizer.param_groups[0]["lr"]
        with torch.no_grad():
            for w in matrices(model):
                w.mul_(1 - rate * STRENGTH * scale)
        plain_step(model, optimizer, data, scale)

    model = network()
    groups = [
        {"params": model[0].parameters(), "lr": 0.01},
        {"params": model[2].parameters(), "lr": 0.001},
    ]
    return TorchAudit(model, Adam(groups), training_step, batch(), STRENGTH * L2())


@fault("pytorch", "no-effect")
def decay_in_every_fourth_step() -> Audited:
    """The audited step is the first, in which it does not act."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        counter["steps"] += 1
        plain_step(model, optimizer, data, scale)
        if counter["steps"] % 4 == 0:
            with torch.no_grad():
                for w in matrices(model):
                    w.mul_(1 - 4 * RATE * STRENGTH * scale)

    counter = {"steps": 0}
    return audited(training_step, STRENGTH * L2())
