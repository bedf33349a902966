"""What an attachment tells its ledger: one entry a parameter, as the optimizer holds it now.

Who uses this: `Attachment`, at the steps that the ledger asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from shrinkage.pytorch.ledger import Entry, Ledger, PartEntry
from shrinkage.pytorch.optimizers import Group
from shrinkage.pytorch.sharding import sharded_axes, sum_over_pieces, whole
from shrinkage.pytorch.slots import Slot


def record_begin(
    ledger: Ledger,
    step: int,
    slots: Sequence[Slot],
    groups: Sequence[Group],
    scale: float,
    words: tuple[Sequence[str], Sequence[Any]],
) -> list[Entry]:
    """Begin a record before the optimizer moves, and return its entries for `record_end`.

    Args:
        ledger: takes the record.
        step: number of the coming step, from 1.
        slots: the parameters that have a gradient.
        groups: the optimizer's parameter groups.
        scale: what a gradient scaler has multiplied the gradients by.
        words: text and strength of every term, by its number.
    """
    common = _common_axes(slots)
    entries = [_entry(slot, groups[slot.group], scale, words, common) for slot in slots]
    ledger.begin(step, entries, reduce=_reduction(slots, common))
    return entries


def record_end(ledger: Ledger, slots: Sequence[Slot], entries: Sequence[Entry]) -> None:
    """End the record after the shrink."""
    now = []
    for slot, entry in zip(slots, entries, strict=True):
        resolution = slot.target.resolution
        if resolution.kind:
            ledger.note_resolution(slot.target.name, resolution.kind)
            resolution.kind = ""
        # a gathered weight is a copy of before the step
        now.append(entry if entry.sharded else replace(entry, weight=_weight(slot)))
    ledger.end(now)


def _entry(
    slot: Slot,
    group: Mapping[str, Any],
    scale: float,
    words: tuple[Sequence[str], Sequence[Any]],
    common: tuple[int, ...],
) -> Entry:
    texts, strengths = words
    target, parameter = slot.target, slot.parameter
    in_pieces = bool(common) and not target.gathered and sharded_axes(parameter) == common
    view = target.view if in_pieces or target.gathered else _whole
    gradient = parameter.grad
    parts = tuple(
        PartEntry(
            texts[share.term],
            share.part(strengths).strength,
            share.penalty,
            share.reference,
            share.update,
        )
        for share in slot.shares
    )
    return Entry(
        name=target.name,
        weight=view(parameter),
        gradient=None if gradient is None or gradient.is_sparse else view(gradient),
        scale=scale,
        rate=_rate(group),
        parts=parts,
        sharded=in_pieces,
    )


def _rate(group: Mapping[str, Any]) -> float:
    """Return the learning rate; what is none is for the optimizer to refuse."""
    rate = group.get("lr", 0.0)
    return float(rate) if isinstance(rate, int | float | torch.Tensor) else 0.0


def _weight(slot: Slot) -> torch.Tensor:
    return _whole(slot.parameter)


def _whole(tensor: Any) -> Any:
    return whole(tensor.detach())


def _common_axes(slots: Sequence[Slot]) -> tuple[int, ...]:
    """Return the mesh axes along which the first sharded parameter is cut."""
    found = (sharded_axes(slot.parameter) for slot in slots if not slot.target.gathered)
    return next((axes for axes in found if axes), ())


def _reduction(slots: Sequence[Slot], common: tuple[int, ...]) -> Any:
    if not common:
        return None
    like = next(slot.parameter for slot in slots if sharded_axes(slot.parameter) == common)
    return partial(sum_over_pieces, parameter=like)
