"""Weights whose size does not matter: those in front of a normalization.

Who uses this: `audit`. If scaling a layer's weight w and bias b by any c > 0 leaves the loss as
it is, then d/dc L(c·w, c·b) = ⟨w, ∂w⟩ + ⟨b, ∂b⟩ = 0. Batch norm makes it so for every output unit
by itself, layer norm for the layer as a whole; one gradient of the data shows both, whatever the
layers are called. One number may vanish by chance: where it does, the loop is run again from twice
the weights, whose loss has to be the same, and whose gradients half as large. A weight without
its bias may be seen all the same: that is measured, and said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from shrinkage.audits.findings import Finding, finding
from shrinkage.pytorch.audits.glance import has_nonzero
from shrinkage.pytorch.audits.loop_rules import LoopFacts

_VANISHES = 1e-3  # the ε of a normalization keeps the product from being exactly 0
_HALVED = 0.1  # how far from half a gradient may be, for the same reason
_CHANGED = 2e-3  # a share of ‖w·∂w‖ by which the loss may differ: a norm's ε makes 4e-4 of it
_ROUNDED = 3e-6  # what rounding can do to a loss in float32
_TRIES = 8  # runs that may be spent on it
_UNITS = 64  # output units that are looked at one by one
_FEW = 4  # weights that are doubled one by one, to say what the loss sees
_LEAST = 2  # units below which a vanishing product may be an accident


def scale_invariant(facts: LoopFacts) -> list[Finding]:
    """Return penalised weights whose scale the loss does not see."""
    candidates = [
        info
        for info in facts.penalised()
        if info.role == "weight" and info.output_axis is not None and _may_be(facts, info)
    ]
    confirmed = _confirmed(facts, candidates)
    return [
        finding(
            "scale-invariant",
            info.name,
            words,
            "keep it if you mean that; otherwise leave the layers in front of a norm out",
        )
        for info, words in zip(confirmed, _words(facts, confirmed), strict=True)
    ]


def _words(facts: LoopFacts, confirmed: Sequence[Any]) -> list[str]:
    """Return what is true of each weight: its bias, or a norm's ε, may keep the loss from it.

    Few weights are doubled one by one; of many all are at once.
    """
    if not confirmed:
        return []
    together = _moved_by(facts, confirmed)
    if together is None or together <= _ROUNDED or not 1 < len(confirmed) <= _FEW:
        named = f"all {len(confirmed)} such weights" if len(confirmed) > 1 else "it"
        both = _moved_by(facts, confirmed, biases=True)
        return [_said(together, both, named)] * len(confirmed)
    alone = ([info] for info in confirmed)
    return [
        _said(_moved_by(facts, info), _moved_by(facts, info, biases=True), "it") for info in alone
    ]


def _moved_by(facts: LoopFacts, infos: Sequence[Any], *, biases: bool = False) -> float | None:
    """Return by what share the loss moves where weights are doubled, and their biases or not.

    A bias of zeros, which is looked at elsewhere, is doubled with its weight: it stays what it is.
    """
    before = facts.runs.zero.loss
    if before is None or before.numel() != 1:
        return None
    along = {_bias_of(info) for info in infos} & facts.start.keys()
    along = along if biases else along & facts.runs.twin.zeros
    try:
        after = facts.runs.loss_from(dict.fromkeys({info.name for info in infos} | along, 2.0))
    except Exception:  # a loop may refuse weights that it has never had
        return None
    if after is None or not float(before):
        return None
    return abs(after - float(before)) / abs(float(before))


def _said(moved: float | None, both: float | None, named: str) -> str:
    """Return a sentence of what weights doubled have done to the loss, and biases with them."""
    if moved is not None and moved <= _ROUNDED:
        return (
            "the loss does not depend on the size of this weight (a normalization follows): "
            "decay here changes the effective learning rate only, and L1 the directions"
        )
    by = "" if moved is None else f"; {named} doubled alone changes the loss by {100 * moved:.2g} %"
    if moved is not None and both is not None and moved > 2 * both:
        return (
            "the loss depends on the size of this weight against its bias only (a normalization "
            f"follows{by}, with the bias by {100 * both:.2g} %): decay here changes the "
            "effective learning rate and that balance, and L1 the directions"
        )
    return (
        f"the loss hardly depends on the size of this weight (a normalization follows{by}): "
        "decay here changes little but the effective learning rate, and L1 the directions"
    )


def _confirmed(facts: LoopFacts, candidates: Sequence[Any]) -> list[Any]:
    """Return those whose double the loss does not see: tried all at once at first."""
    confirmed, groups = [], deque([list(candidates)] if candidates else [])
    for _ in range(_TRIES):
        if not groups:
            break
        group = groups.popleft()
        try:
            holds = _holds(facts, group)
        except Exception:  # a loop may refuse weights that it has never had
            break
        if holds:
            confirmed += group
        elif len(group) > 1:
            groups += [group[: len(group) // 2], group[len(group) // 2 :]]
    return confirmed


def _holds(facts: LoopFacts, group: Sequence[Any]) -> bool:
    """Return whether the loss does not see that the weights of a group are doubled.

    Another loss tells that it does, without a backward pass; else the gradients are halved or not.
    """
    names = {name for info in group for name in (info.name, _bias_of(info))}
    doubled = dict.fromkeys(names & facts.start.keys(), 2.0)
    before = facts.runs.zero.loss
    after = None if before is None or before.numel() != 1 else facts.runs.loss_from(doubled)
    if before is not None and after is not None:
        seen = max(_size(facts, info) for info in group)
        if abs(after - float(before)) > _CHANGED * seen + _ROUNDED * abs(after):
            return False
    gradients = facts.runs.gradients_from(doubled)
    return all(_is_halved(facts.gradients[info.name], gradients[info.name]) for info in group)


def _size(facts: LoopFacts, info: Any) -> float:
    """Return ‖w·∂w‖, the size of a sum of such products whose signs are chance."""
    return float((facts.start[info.name] * facts.gradients[info.name]).norm())


def _is_halved(gradient: torch.Tensor, other: torch.Tensor | None) -> bool:
    if other is None:
        return False
    return float((2 * other - gradient).norm()) <= _HALVED * float(gradient.norm())


def _bias_of(info: Any) -> str:
    return info.name.rpartition(".")[0] + ".bias" if "." in info.name else "bias"


def _may_be(facts: LoopFacts, info: Any) -> bool:
    gradient = facts.gradients.get(info.name)
    if gradient is None or not has_nonzero(gradient):
        return False
    w, axis = facts.start[info.name], info.output_axis
    units = _products(w, gradient, axis)
    looked_at = torch.arange(0, len(units), -(-len(units) // _UNITS))
    some = [x.index_select(axis, looked_at.to(x.device)).abs() for x in (w, gradient)]
    sizes = _products(some[0], some[1], axis)
    bias = _bias_of(info)
    offset, pull = facts.start.get(bias), facts.gradients.get(bias)
    if offset is not None and pull is not None and offset.shape == units.shape:
        own = offset.double().cpu() * pull.double().cpu()
        units, sizes = units + own, sizes + own[looked_at].abs()
    live = sizes > 0
    if int(live.sum()) < _LEAST:
        return False
    each = (units[looked_at][live].abs() / sizes[live]).median() <= _VANISHES
    together = units.sum().abs() <= _VANISHES * units.abs().sum()
    return bool(each) or bool(together)


def _products(first: torch.Tensor, second: torch.Tensor, axis: int) -> torch.Tensor:
    """Return Σ first·second by output unit, without an array of the products."""
    wide = torch.promote_types(first.dtype, torch.float32)
    rows, others = (
        x.detach().to("cpu", wide).movedim(axis, 0).flatten(1).numpy() for x in (first, second)
    )
    return torch.from_numpy(np.einsum("ij,ij->i", rows, others)).double()
