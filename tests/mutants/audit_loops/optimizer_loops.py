"""Every optimizer of torch.optim with the penalty in the loss, and with terms attached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn, optim

from shrinkage import L1, L2
from tests.builders.torch_networks import absolute_values, half_squares
from tests.mutants.audit_faults.networks import (
    STRENGTH,
    Batch,
    batch,
    data_loss,
    in_the_loss,
    network,
    plain_step,
)
from tests.mutants.audit_faults.records import Audited, Loop, TorchAudit, loop


@dataclass(frozen=True)
class Kind:
    """An optimizer with its options; `update` is one that it can have by attachment."""

    name: str
    make: type[optim.Optimizer]
    options: Mapping[str, Any] = field(default_factory=dict)
    update: str = "proximal"

    def over(self, model: nn.Module) -> optim.Optimizer:
        """Return the optimizer of a model's parameters."""
        return self.make(model.parameters(), **self.options)


KINDS = (
    Kind("sgd", optim.SGD, {"lr": 0.05}),
    Kind("momentum", optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    Kind("nesterov", optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    Kind("adam", optim.Adam, {"lr": 0.02}),
    Kind("amsgrad", optim.Adam, {"lr": 0.02, "amsgrad": True}),
    Kind("adamw", optim.AdamW, {"lr": 0.02, "weight_decay": 0.0}, "decoupled"),
    Kind("nadam", optim.NAdam, {"lr": 0.02}),
    Kind("radam", optim.RAdam, {"lr": 0.02}, "gradient"),
    Kind("adamax", optim.Adamax, {"lr": 0.02}),
    Kind("rmsprop", optim.RMSprop, {"lr": 0.01}, "gradient"),
    Kind("adagrad", optim.Adagrad, {"lr": 0.05}),
    Kind("adadelta", optim.Adadelta, {"lr": 1.0}, "gradient"),
    Kind("asgd", optim.ASGD, {"lr": 0.05, "lambd": 0.0}),
    Kind("adafactor", optim.Adafactor, {"lr": 0.05}),
    Kind("rprop", optim.Rprop, {"lr": 0.01}, "gradient"),
)


def by_hand(kind: Kind, dtype: torch.dtype) -> TorchAudit:
    """Audit ½λΣw² in the loss; the optimizer has taken a step, so that it has a state."""
    model, data = network(dtype), batch(dtype)
    optimizer = kind.over(model)
    step = in_the_loss(lambda model, strength: strength * half_squares(model))
    step(model, optimizer, data, 0.0)
    return TorchAudit(model, optimizer, step, data, STRENGTH * L2())


def attached(kind: Kind) -> TorchAudit:
    """Audit an L1 and an L2 term on the optimizer; nothing is told to the audit."""
    from shrinkage.pytorch import regularize

    model = network()
    optimizer = kind.over(model)
    terms = 0.02 * L1() + STRENGTH * L2()
    regularize(optimizer, model, terms, kind.update)
    return TorchAudit(model, optimizer, plain_step, batch())


BY_HAND = tuple(
    Loop(
        f"{kind.name}-in-the-loss-{str(dtype).removeprefix('torch.')}",
        "pytorch",
        lambda kind=kind, dtype=dtype: by_hand(kind, dtype),
    )
    for kind in KINDS
    for dtype in (torch.float64, torch.float32)
)
ATTACHED = tuple(
    Loop(f"{kind.name}-attached-{kind.update}", "pytorch", lambda kind=kind: attached(kind))
    for kind in KINDS
)


@loop("pytorch")
def lbfgs_with_a_closure() -> Audited:
    """The penalty is in the closure, which is the only place that LBFGS has."""
    model = network()
    optimizer = optim.LBFGS(model.parameters(), lr=0.1, max_iter=2)

    def training_step(model: nn.Module, optimizer: Any, data: Batch, scale: float) -> None:
        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = data_loss(model, data) + scale * STRENGTH * half_squares(model)
            loss.backward()
            return loss

        optimizer.step(closure)

    return TorchAudit(model, optimizer, training_step, batch(), STRENGTH * L2())


@loop("pytorch")
def adam_with_l1_in_float32() -> Audited:
    """Σ|w| in the loss under Adam, single precision."""
    model = network(torch.float32)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    step = in_the_loss(lambda model, strength: strength * absolute_values(model))
    return TorchAudit(model, optimizer, step, batch(torch.float32), STRENGTH * L1())


@loop("pytorch")
def fused_adamw() -> Audited:
    """The fused variant of AdamW, its decay on matrices only."""
    model = network(torch.float32)
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": STRENGTH},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = optim.AdamW(groups, lr=0.01, fused=True)
    return TorchAudit(model, optimizer, plain_step, batch(torch.float32))


class SignDescent(optim.Optimizer):
    """An optimizer of the user's own, with an attribute and decay of its own."""

    def __init__(self, parameters: Any, lr: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})
        self.damping = 0.5

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ARG002
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(parameter.grad.sign(), alpha=-self.damping * group["lr"])


@loop("pytorch")
def optimizer_of_your_own() -> Audited:
    """A subclass of Optimizer that torch does not know, decay on matrices only."""
    model = network()
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": STRENGTH},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    return TorchAudit(model, SignDescent(groups, 0.01, 0.0), plain_step, batch())
