"""Weights whose size does not matter: those in front of a normalization.

Who uses this: `audit`. If scaling a layer's weight w and bias b by any c > 0 leaves the loss as
it is, then d/dc L(c·w, c·b) = ⟨w, ∂w⟩ + ⟨b, ∂b⟩ = 0. Batch norm makes it so for every output unit
by itself, layer norm for the layer as a whole; one gradient of the data shows both, whatever the
layers are called.
"""

from __future__ import annotations

from typing import Any

import torch

from shrinkage.audits.findings import Finding, finding
from shrinkage.pytorch.audits.loop_rules import LoopFacts

_VANISHES = 1e-3  # the ε of a normalization keeps the product from being exactly 0
_LEAST = 4  # units below which a vanishing product may be an accident


def scale_invariant(facts: LoopFacts) -> list[Finding]:
    """Return penalised weights whose scale the loss does not see."""
    return [
        finding(
            "scale-invariant",
            info.name,
            "the loss does not depend on the size of this weight (a normalization follows): "
            "decay here changes the effective learning rate only, and L1 the directions",
            "keep it if you mean that; otherwise leave the layers in front of a norm out",
        )
        for info in facts.penalised()
        if info.role == "weight" and info.output_axis is not None and _is_invariant(facts, info)
    ]


def _is_invariant(facts: LoopFacts, info: Any) -> bool:
    gradient = facts.gradients.get(info.name)
    if gradient is None or not bool(gradient.any()):
        return False
    units = _products(facts.start[info.name], gradient, info.output_axis)
    sizes = _products(facts.start[info.name].abs(), gradient.abs(), info.output_axis)
    bias = info.name.rpartition(".")[0] + ".bias" if "." in info.name else "bias"
    offset, pull = facts.start.get(bias), facts.gradients.get(bias)
    if offset is not None and pull is not None and offset.shape == units.shape:
        units = units + offset.double().cpu() * pull.double().cpu()
        sizes = sizes + (offset.double() * pull.double()).abs().cpu()
    live = sizes > 0
    if int(live.sum()) < _LEAST:
        return False
    each = (units[live].abs() / sizes[live]).median() <= _VANISHES
    together = units.sum().abs() <= _VANISHES * units.abs().sum()
    return bool(each) or bool(together)


def _products(first: torch.Tensor, second: torch.Tensor, axis: int) -> torch.Tensor:
    """Return Σ first·second by output unit, summed in float64."""
    both = (first * second).movedim(axis, 0)
    return both.reshape(both.shape[0], -1).sum(1, dtype=torch.float64).cpu()
