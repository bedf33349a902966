"""The cases of sharded training: read by the processes and by the test that starts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn, optim

from shrinkage import L1, L2, ElasticNet, GroupLasso, Terms
from shrinkage.terms import as_terms

STEPS = 20
WAYS = ("ddp", "fsdp", "tensor")
# So strong that so few proximal steps make zeros of each kind, and leave others.
PENALTIES = {
    "l1": 0.05 * L1(),
    "elastic-net": 0.075 * ElasticNet(0.5),
    "group-input": 0.05 * GroupLasso(per="input"),
    "group-output": 0.05 * GroupLasso(per="output"),
    "group-layer": 0.025 * GroupLasso(per="layer"),
    "sparse-group": 0.025 * L1() + 0.025 * GroupLasso(per="input") + 0.025 * L2(),
}
OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda p: optim.SGD(p, lr=0.05, momentum=0.9),
    "adam": lambda p: optim.Adam(p, lr=0.02),
    "adamw": lambda p: optim.AdamW(p, lr=0.02, weight_decay=0.0),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01),
}


@dataclass(frozen=True)
class Case:
    """One way of distributing, one penalty, one update, one optimizer."""

    way: str
    penalty: str
    update: str
    optimizer: str
    dtype: torch.dtype = torch.float64
    around: bool = False
    freeze: bool = False
    resume: bool = False

    @property
    def name(self) -> str:
        options = [word for word in ("around", "freeze", "resume") if getattr(self, word)]
        dtype = str(self.dtype).removeprefix("torch.")
        return "-".join([self.way, self.penalty, self.update, self.optimizer, dtype, *options])

    @property
    def widths(self) -> tuple[int, int, int]:
        """Uneven pieces, and with four processes an empty one; tensor parallel wants even ones."""
        return (6, 8, 4) if self.way == "tensor" else (6, 7, 3)

    def terms(self, reference: Mapping[str, Any] | None) -> Terms:
        found = as_terms(PENALTIES[self.penalty])
        if reference is None:
            return found
        return found.around({k.removeprefix("module."): v for k, v in reference.items()})


def optimizer_of(case: Case, model: nn.Module) -> optim.Optimizer:
    return OPTIMIZERS[case.optimizer](model.parameters())


def cases_for(processes: int) -> list[Case]:
    """Return all cases for two processes; for four, which share two cores in CI, one of each."""
    if processes == 2:
        return CASES
    return [case for case in CASES if case.optimizer == "adam" and case.update != "decoupled"]


def is_needed(processes: int, case: Case) -> bool:
    """Return whether a case is more than a repetition.

    A DDP replica holds whole parameters, so that one separable penalty and one group say all; a
    decoupled prox is the same scalar whatever the optimizer. What four processes have more than
    two are pieces that are empty, in a prox by weights and in those of groups.
    """
    usual = case.penalty in ("elastic-net", "group-input")
    if processes == 4:
        plain = not (case.around or case.freeze or case.resume) and case.dtype == torch.float64
        prox = case.update == "proximal" and (usual or case.penalty == "sparse-group")
        return case.way not in ("ddp", "zero") and plain and prox
    if case.way in ("ddp", "zero"):
        return usual
    return usual or case.optimizer == ("sgd" if case.update == "decoupled" else "adam")


CASES = [
    *(
        Case(way, penalty, update, optimizer)
        for way in WAYS
        for penalty in PENALTIES
        for update in ("proximal", "decoupled")
        for optimizer in ("sgd", "adam")
    ),
    *(
        Case(way, penalty, update, optimizer)
        for way in WAYS
        for penalty in ("elastic-net", "group-input")
        for update, optimizer in (
            ("gradient", "adam"),
            ("loss", "sgd"),
            ("proximal", "adamw"),
            ("proximal", "rmsprop"),
        )
    ),
    *(
        Case(way, penalty, "proximal", "adam", torch.float32)
        for way in WAYS
        for penalty in ("elastic-net", "group-input")
    ),
    *(
        Case(way, "elastic-net", "proximal", "adam", **{option: True})
        for way in WAYS
        for option in ("around", "freeze", "resume")
    ),
    *(
        Case("zero", penalty, update, "adam")
        for penalty in ("elastic-net", "group-input")
        for update in ("decoupled", "gradient", "loss")
    ),
]
