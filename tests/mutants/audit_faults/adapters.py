"""PyTorch loops with adapters of low rank beside frozen weights."""

from __future__ import annotations

import torch
from torch import nn

from shrinkage import L2
from tests.builders.torch_networks import settled
from tests.mutants.audit_faults.networks import (
    INPUTS,
    OUTPUTS,
    RATE,
    STRENGTH,
    Batch,
    Model,
    Optimizer,
    batch,
    in_the_loss,
    plain_step,
)
from tests.mutants.audit_faults.records import Audited, TorchAudit, fault


class Adapted(nn.Module):
    """A frozen layer with an adapter up·down beside it, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Linear(INPUTS, 6).requires_grad_(False)
        self.down = nn.Parameter(torch.empty(2, INPUTS))
        self.up = nn.Parameter(torch.empty(6, 2))
        self.head = nn.Linear(6, OUTPUTS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.base(x) + x @ self.down.T @ self.up.T))


def adapted() -> Adapted:
    """Return an `Adapted` with settled parameters."""
    model = Adapted()
    settled(model, torch.float64)
    return model


def trained(model: nn.Module) -> list[nn.Parameter]:
    """Return what trains."""
    return [w for w in model.parameters() if w.requires_grad]


@fault("pytorch", "selected-but-frozen", severity="warning")
def a_factor_that_does_not_train() -> Audited:
    """Both factors are to decay, and one of them was frozen with the base."""
    model = adapted()
    model.up.requires_grad_(False)
    step = in_the_loss(lambda m, strength: strength * 0.5 * m.get_parameter("down").square().sum())
    optimizer = torch.optim.SGD(trained(model), lr=RATE)
    return TorchAudit(model, optimizer, step, batch(), (STRENGTH * L2()).on("down", "up"))


@fault("pytorch", "wrong-direction", "wrong-factor")
def the_product_where_the_factors_are_meant() -> Audited:
    """½λ‖up·down‖² is no weight decay of up and down."""
    model = adapted()

    def penalty(model: Model, strength: float) -> torch.Tensor:
        product = model.get_parameter("up") @ model.get_parameter("down")
        return strength * 0.5 * product.square().sum()

    step = in_the_loss(penalty)
    optimizer = torch.optim.SGD(trained(model), lr=RATE)
    return TorchAudit(model, optimizer, step, batch(), (STRENGTH * L2()).on("down", "up"))


@fault("pytorch", "frozen-but-decays", "unselected-changed")
def the_base_decays_under_its_adapter() -> Audited:
    """The decay is written over all parameters, the frozen ones too."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        plain_step(model, optimizer, data, scale)
        with torch.no_grad():
            for w in model.parameters():
                if w.ndim > 1:
                    w.mul_(1 - RATE * STRENGTH * scale)

    model = adapted()
    optimizer = torch.optim.SGD(trained(model), lr=RATE)
    return TorchAudit(model, optimizer, training_step, batch(), STRENGTH * L2())
