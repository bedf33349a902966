"""What an attachment tells its ledger: the state of each parameter, as the optimizer holds it now.

Who uses this: `Attachment`, at the steps that the ledger asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from shrinkage.pytorch.ledger.ledger import Ledger
from shrinkage.pytorch.ledger.quantities import LayerState
from shrinkage.pytorch.optimizers import Group
from shrinkage.pytorch.sharding import sharded_axes, sum_over_shards, unsharded
from shrinkage.pytorch.slots import Slot


def record_begin(
    ledger: Ledger, step: int, slots: Sequence[Slot], groups: Sequence[Group], scale: float
) -> list[LayerState]:
    """Begin a record before the optimizer moves, and return its states for `record_end`.

    Args:
        ledger: takes the record.
        step: number of the coming step, from 1.
        slots: the parameters that have a gradient.
        groups: the optimizer's parameter groups.
        scale: what a gradient scaler has multiplied the gradients by.
    """
    common = _common_axes(slots)
    states = [_state(slot, groups[slot.group], scale, common) for slot in slots]
    ledger.begin(step, states, reduce=_reduction(slots, common))
    return states


def record_end(ledger: Ledger, slots: Sequence[Slot], states: Sequence[LayerState]) -> None:
    """End the record after the shrink."""
    now = []
    for slot, state in zip(slots, states, strict=True):
        resolution = slot.target.resolution
        if resolution.kind:
            ledger.note_resolution(slot.target.name, resolution.kind)
            resolution.kind = ""
        # a gathered weight is a copy of before the step
        now.append(state if state.sharded else replace(state, weight=_full(slot.parameter)))
    ledger.end(now)


def _state(
    slot: Slot, group: Mapping[str, Any], scale: float, common: tuple[int, ...]
) -> LayerState:
    target, parameter = slot.target, slot.parameter
    in_shards = bool(common) and not target.gathered and sharded_axes(parameter) == common
    view = target.view if in_shards or target.gathered else _full
    gradient, rate = parameter.grad, group.get("lr", 0.0)
    return LayerState(
        name=target.name,
        weight=view(parameter),
        gradient=None if gradient is None or gradient.is_sparse else view(gradient),
        scale=scale,
        # what is no rate is for the optimizer to refuse
        rate=float(rate) if isinstance(rate, int | float | torch.Tensor) else 0.0,
        parts=slot.plan.parts,
        sharded=in_shards,
    )


def _full(tensor: Any) -> Any:
    return unsharded(tensor.detach())


def _common_axes(slots: Sequence[Slot]) -> tuple[int, ...]:
    """Return the mesh axes along which the first sharded parameter is cut."""
    cuts = (sharded_axes(slot.parameter) for slot in slots if not slot.target.gathered)
    return next((axes for axes in cuts if axes), ())


def _reduction(slots: Sequence[Slot], common: tuple[int, ...]) -> Any:
    if not common:
        return None
    like = next(slot.parameter for slot in slots if sharded_axes(slot.parameter) == common)
    return partial(sum_over_shards, parameter=like)
