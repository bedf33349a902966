"""The rows of the table: every optimizer of torch.optim with its variants, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn, optim

from shrinkage.pytorch.optimizers import facts_of

UPDATES = ("loss", "gradient", "decoupled", "proximal")


@dataclass(frozen=True)
class Row:
    """One optimizer with its options."""

    kind: type[optim.Optimizer]
    options: Mapping[str, Any] = field(default_factory=dict)
    tensor_rate: bool = False

    @property
    def name(self) -> str:
        words = [f"{k}={v}" for k, v in self.options.items() if k not in ("lr", "weight_decay")]
        words += ["tensor lr"] if self.tensor_rate else []
        return f"{self.kind.__name__} {', '.join(words)}".strip()

    @property
    def maximize(self) -> bool:
        return bool(self.options.get("maximize"))

    def make(self, model: nn.Module) -> optim.Optimizer:
        return self.over([p for p in model.parameters() if p.requires_grad])

    def over(self, parameters: list[torch.Tensor]) -> optim.Optimizer:
        options = dict(self.options)
        if self.tensor_rate:
            options["lr"] = torch.tensor(options["lr"], dtype=torch.float64)
        return self.kind(parameters, **options)

    def refused(self, update: str) -> str | None:
        """Return why an update is refused with this optimizer in every loop."""
        if update == "loss" and self.maximize:
            return "a loss that is maximized has no place for a term to be minimized"
        return facts_of(self.kind).refusal(update) or None


def _rows() -> list[Row]:
    variants: list[tuple[type[optim.Optimizer], dict, list[dict]]] = [
        (
            optim.SGD,
            {"lr": 0.05},
            [
                {},
                {"momentum": 0.9},
                {"momentum": 0.9, "nesterov": True},
                {"momentum": 0.8, "dampening": 0.5},
                {"foreach": True},
                {"fused": True, "momentum": 0.9},
                {"maximize": True},
            ],
        ),
        (
            optim.Adam,
            {"lr": 0.02},
            [{}, {"amsgrad": True}, {"foreach": True}, {"fused": True}, {"maximize": True}],
        ),
        (
            optim.AdamW,
            {"lr": 0.02, "weight_decay": 0.0},
            [{}, {"amsgrad": True}, {"foreach": True}, {"fused": True}, {"maximize": True}],
        ),
        (
            optim.RMSprop,
            {"lr": 0.01},
            [
                {},
                {"centered": True},
                {"momentum": 0.5},
                {"foreach": True},
                {"maximize": True},
            ],
        ),
        (optim.NAdam, {"lr": 0.02}, [{}, {"foreach": True}]),
        (optim.RAdam, {"lr": 0.02}, [{}, {"foreach": True}]),
        (optim.Adamax, {"lr": 0.02}, [{}, {"foreach": True}]),
        (optim.Adafactor, {"lr": 0.05}, [{}, {"foreach": True}]),
        (optim.Adagrad, {"lr": 0.1}, [{}, {"lr_decay": 0.1}, {"fused": True}]),
        (optim.Adadelta, {"lr": 1.0}, [{}, {"foreach": True}]),
        (optim.ASGD, {"lr": 0.05}, [{}, {"foreach": True}]),
        (optim.Rprop, {"lr": 0.01}, [{}, {"foreach": True}]),
    ]
    rows = [
        Row(kind, {**common, **options}) for kind, common, found in variants for options in found
    ]
    rows += [
        Row(kind, common, tensor_rate=True)
        for kind, common, _ in variants
        if kind in (optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop)
    ]
    if hasattr(optim, "Muon"):
        rows.append(Row(optim.Muon, {"lr": 0.02, "weight_decay": 0.0}))
    return rows


ROWS = _rows()
# Variants that a CPU cannot run: torch wants parameters on an accelerator, or a compiled step.
CAPTURABLE = [
    Row(kind, {"lr": 0.01, "capturable": True})
    for kind in (optim.Adam, optim.AdamW, optim.NAdam, optim.RAdam, optim.RMSprop, optim.Adamax)
]
