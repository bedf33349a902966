"""PyTorch loops that clip the data's gradients, and the penalty not with them."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD

from shrinkage import L1
from shrinkage.pytorch import regularize
from tests.mutants.audit_faults.networks import (
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


@fault("pytorch", "clipped", severity="warning")
def prox_beside_clipped_gradients() -> Audited:
    """A loss that is a sum: its gradients are cut to a twentieth, a prox behind them is not."""
    model = network()
    optimizer = SGD(model.parameters(), lr=RATE)
    regularize(optimizer, model, 1e-3 * STRENGTH * L1(), update="proximal")

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:  # noqa: ARG001
        optimizer.zero_grad()
        (100.0 * data_loss(model, data)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return TorchAudit(model, optimizer, training_step, batch())
