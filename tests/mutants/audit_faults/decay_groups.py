"""PyTorch optimizers whose weight_decay groups say something else than what was meant."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import nn

from shrinkage import L2
from tests.builders.torch_networks import half_squares, matrices, settled
from tests.mutants.audit_faults.networks import (
    INPUTS,
    OUTPUTS,
    RATE,
    STRENGTH,
    Optimizer,
    batch,
    in_the_loss,
    network,
    plain_step,
)
from tests.mutants.audit_faults.records import Audited, TorchAudit, fault


def grouped(
    model: nn.Module,
    decays: Callable[[str, torch.Tensor], bool],
    kind: Callable[..., Optimizer] = torch.optim.AdamW,
    *,
    strength: float = STRENGTH,
    rest: dict[str, float] | None = None,
) -> Optimizer:
    """Return an optimizer with two groups: those that `decays` chooses, and the rest."""
    named = list(model.named_parameters())
    chosen = [p for name, p in named if decays(name, p)]
    others = [p for name, p in named if not decays(name, p)]
    last = {"weight_decay": 0.0} if rest is None else rest
    groups = [{"params": chosen, "weight_decay": strength}, {"params": others} | last]
    return kind([group for group in groups if group["params"]], lr=RATE)


@fault("pytorch", "no-effect", source="https://github.com/axolotl-ai-cloud/axolotl/pull/4011")
def groups_at_zero() -> Audited:
    """LoRA+ builds its groups with a decay of 0, whatever the configuration says."""
    model = network()
    config = {"weight_decay": STRENGTH}
    groups = [
        {"params": [model[0].weight], "lr": RATE, "weight_decay": 0.0},
        {"params": [model[2].weight], "lr": 16 * RATE, "weight_decay": 0.0},
        {"params": [model[0].bias, model[2].bias], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE)
    return TorchAudit(model, optimizer, plain_step, batch(), config["weight_decay"] * L2())


@fault("pytorch", "no-effect", source="https://github.com/NVIDIA/Megatron-LM/pull/7468")
def decay_restored_too_late() -> Audited:
    """On resuming, the scheduler writes its decay into the groups before it has read it."""

    class Scheduler:
        def __init__(self, optimizer: Optimizer, weight_decay: float) -> None:
            self.optimizer, self.weight_decay = optimizer, weight_decay

        def step(self) -> None:
            self.optimizer.param_groups[0]["weight_decay"] = self.weight_decay

        def load_state_dict(self, state: dict[str, float]) -> None:
            self.step()
            self.weight_decay = state["weight_decay"]

    model = network()
    optimizer = grouped(model, lambda _, p: p.ndim > 1)
    Scheduler(optimizer, 0.0).load_state_dict({"weight_decay": STRENGTH})
    return TorchAudit(model, optimizer, plain_step, batch(), STRENGTH * L2())


@fault("pytorch", "double-counted", "penalised-twice", "wrong-factor",
       source="https://github.com/rutgerswiselab/NCR/issues/2")  # fmt: skip
def decay_and_penalty_in_the_loss() -> Audited:
    """weight_decay=λ in the optimizer and ½λΣw² in the loss."""
    model = network()
    optimizer = grouped(model, lambda _, p: p.ndim > 1, torch.optim.SGD)
    step = in_the_loss(lambda model, strength: strength * half_squares(model))
    return TorchAudit(model, optimizer, step, batch(), STRENGTH * L2())


@fault("pytorch", "penalised-twice", "double-counted", "wrong-factor",
       source="https://github.com/RUCAIBox/RecBole/issues/872")  # fmt: skip
def decay_and_attached_term() -> Audited:
    """weight_decay=λ in the optimizer and an L2 term on the same weights."""
    from shrinkage.pytorch import regularize

    model = network()
    optimizer = grouped(model, lambda _, p: p.ndim > 1, torch.optim.SGD)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # regularize says the same
        regularize(optimizer, model, STRENGTH * L2(), "decoupled")
    return TorchAudit(model, optimizer, plain_step, batch())


@fault("pytorch", "coupled-through-adam", severity="warning",
       source="https://github.com/pytorch/pytorch/issues/38767")  # fmt: skip
def decay_through_adam() -> Audited:
    """Adam(weight_decay=…): the decay is divided by √v̂ with the gradient."""
    model = network()
    optimizer = grouped(model, lambda _, p: p.ndim > 1, torch.optim.Adam)
    return TorchAudit(model, optimizer, plain_step, batch())


@fault("pytorch", "wrong-update", "coupled-through-adam", "wrong-factor", "wrong-direction",
       source="https://github.com/mapbox/robosat/pull/166")  # fmt: skip
def coupled_where_decoupled_was_meant() -> Audited:
    """The terms say decoupled, and the optimizer is Adam, whose decay is coupled."""
    model = network()
    optimizer = grouped(model, lambda _, p: p.ndim > 1, torch.optim.Adam)
    terms = (STRENGTH * L2()).with_update("decoupled")
    return TorchAudit(model, optimizer, plain_step, batch(), terms)


@fault("pytorch", "scale-invariant", severity="warning")
def decay_in_front_of_batch_norm() -> Audited:
    """Batch norm undoes every change of the scale of the weights that it follows."""
    model = nn.Sequential(nn.Linear(INPUTS, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, OUTPUTS))
    settled(model, torch.float64)
    optimizer = grouped(model, lambda _, p: p.ndim > 1)
    return TorchAudit(model, optimizer, plain_step, batch())


@fault("pytorch", "selected-unchanged")
def second_group_forgotten() -> Audited:
    """The head was added with a group of its own, which has no decay."""
    model = network()
    optimizer = torch.optim.SGD(matrices(model)[:1], lr=RATE, weight_decay=STRENGTH)
    optimizer.add_param_group({"params": matrices(model)[1:], "weight_decay": 0.0})
    optimizer.add_param_group({"params": [model[0].bias, model[2].bias], "weight_decay": 0.0})
    return TorchAudit(model, optimizer, plain_step, batch(), STRENGTH * L2())
