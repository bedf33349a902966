"""PyTorch loops with a penalty beside the optimizer's decay that no `scale` multiplies."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.func import functional_call, grad
from torch.nn import functional
from torch.nn.utils import prune
from torch.optim import AdamW

from shrinkage import L2
from tests.builders.torch_networks import absolute_values, half_squares, matrices, settled
from tests.mutants.audit_faults.networks import (
    INPUTS,
    OUTPUTS,
    RATE,
    STRENGTH,
    Batch,
    Model,
    Optimizer,
    batch,
    data_loss,
    network,
)
from tests.mutants.audit_faults.records import Audited, TorchAudit, fault


def decayed(
    training_step: Any, model: Model | None = None, kind: type[AdamW] = AdamW, terms: Any = None
) -> TorchAudit:
    """Audit a step without a scale, whose optimizer decays the matrices."""
    model = network() if model is None else model
    optimizer = kind(matrices(model), lr=RATE, weight_decay=STRENGTH)
    return TorchAudit(model, optimizer, training_step, batch(), terms)


def plain(model: Model, optimizer: Optimizer, data: Batch) -> None:
    """Train on the data alone."""
    optimizer.zero_grad()
    data_loss(model, data).backward()
    optimizer.step()


@fault("pytorch", "double-counted")
def squares_in_the_loss_beside_a_decay() -> Audited:
    """AdamW's weight_decay, and λ·½Σw² in the loss."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch) -> None:
        optimizer.zero_grad()
        (data_loss(model, data) + STRENGTH * half_squares(model)).backward()
        optimizer.step()

    return decayed(training_step)


@fault("pytorch", "penalised-twice", severity="warning")
def magnitudes_in_the_loss_beside_a_decay() -> Audited:
    """AdamW's weight_decay is asked for, and an L1 is in the loss that nobody names."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch) -> None:
        optimizer.zero_grad()
        (data_loss(model, data) + STRENGTH * absolute_values(model)).backward()
        optimizer.step()

    return decayed(training_step, terms=STRENGTH * L2())


@fault("pytorch", "double-counted")
def net_in_the_loss_under_signs_beside_a_decay() -> Audited:
    """An elastic net is in the loss, of which one part is the decay, and steps go by signs."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch) -> None:
        optimizer.zero_grad()
        net = absolute_values(model) + half_squares(model)
        (data_loss(model, data) + STRENGTH * net).backward()
        for w in model.parameters():
            assert w.grad is not None
            w.grad = w.grad.sign()
        optimizer.step()

    return decayed(training_step)


class Penalised(nn.Module):
    """Returns its penalty beside its output."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network()

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"output": self.net(x), "penalty": STRENGTH * half_squares(self.net)}


@fault("pytorch", "double-counted")
def penalty_of_forward_beside_a_decay() -> Audited:
    """The model's forward makes the penalty."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch) -> None:
        optimizer.zero_grad()
        answer = model(data[0])
        (functional.mse_loss(answer["output"], data[1]) + answer["penalty"]).backward()
        optimizer.step()

    return decayed(training_step, Penalised())


@fault("pytorch", "double-counted")
def penalty_under_func_grad_beside_a_decay() -> Audited:
    """`torch.func.grad` of loss and penalty: no graph of a loss is seen."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch) -> None:
        def loss(parameters: Any) -> torch.Tensor:
            output = functional_call(model, parameters, (data[0],))
            squares = (0.5 * p.square().sum() for p in parameters.values() if p.ndim > 1)
            return functional.mse_loss(output, data[1]) + STRENGTH * sum(squares)

        named = dict(model.named_parameters())
        for name, g in grad(loss)({name: p.detach() for name, p in named.items()}).items():
            named[name].grad = g
        optimizer.step()

    return decayed(training_step)


@fault("pytorch", "double-counted")
def penalty_in_hooks_of_gradients() -> Audited:
    """A hook on every matrix, registered when the model was built, adds λ·w to its gradient."""
    model = network()
    for w in matrices(model):
        w.register_hook(lambda g, w=w: g + STRENGTH * w.detach())
    return decayed(plain, model)


@fault("pytorch", "double-counted")
def decay_by_hand_beside_that_of_adamw() -> Audited:
    """Behind the step weights are multiplied by 1 − lr·λ."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch) -> None:
        plain(model, optimizer, data)
        with torch.no_grad():
            for w in matrices(model):
                w.mul_(1 - RATE * STRENGTH)

    return decayed(training_step)


class Hardened(AdamW):
    """Decays by a number of its own too, whatever the groups say."""

    def step(self, closure: Any = None) -> Any:
        with torch.no_grad():
            for group in self.param_groups:
                for w in group["params"]:
                    w.mul_(1 - RATE * STRENGTH)
        return super().step(closure)


@fault("pytorch", "double-counted")
def decay_in_the_class_beside_that_of_the_groups() -> Audited:
    """A subclass decays by a number that is in no group."""
    return decayed(plain, kind=Hardened)


@fault("pytorch", "double-counted")
def squares_of_pruned_weights_beside_a_decay() -> Audited:
    """Half of the weights are masked: the penalty pulls on the others alone."""
    model = network()
    prune.l1_unstructured(model[0], "weight", 0.5)

    def training_step(model: Model, optimizer: Optimizer, data: Batch) -> None:
        optimizer.zero_grad()
        loss = data_loss(model, data)  # which makes the masked weight
        (loss + 0.5 * STRENGTH * model.get_submodule("0").weight.square().sum()).backward()
        optimizer.step()

    return decayed(training_step, model)


class Returning(nn.Linear):
    """A layer that returns its own penalty beside its output, as Bayesian layers do."""

    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x), 0.5 * STRENGTH * self.weight.square().sum()


@fault("pytorch", "double-counted")
def penalty_that_a_layer_returns_beside_a_decay() -> Audited:
    """Of what the module with the weight returns, one part has data in it and one has none."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch) -> None:
        optimizer.zero_grad()
        output, penalty = model(data[0])
        (functional.mse_loss(output, data[1]) + penalty).backward()
        optimizer.step()

    return decayed(training_step, settled(Returning(INPUTS, OUTPUTS), torch.float64))


@fault("pytorch", "double-counted")
def penalty_with_a_pass_of_its_own_beside_a_decay() -> Audited:
    """`torch.autograd.backward` of the penalty behind the backward of the loss."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch) -> None:
        optimizer.zero_grad()
        data_loss(model, data).backward()
        torch.autograd.backward(STRENGTH * half_squares(model))
        optimizer.step()

    return decayed(training_step)


@fault("pytorch", "double-counted")
def decay_at_the_top_of_the_step_beside_that_of_adamw() -> Audited:
    """Weights are multiplied by 1 − lr·λ before the gradient is made."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch) -> None:
        with torch.no_grad():
            for w in matrices(model):
                w.mul_(1 - RATE * STRENGTH)
        plain(model, optimizer, data)

    return decayed(training_step)
