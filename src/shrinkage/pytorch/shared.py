"""Penalties that several parameters share: before their proxes each is told its part.

Who uses this: `Attachment`. A part is on one parameter, also of `GlobalCardinality`; what it keeps
there follows from all parameters of the term and from the steps that their optimizer has just
taken, so it is settled when all have moved and none has been shrunk yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from shrinkage.errors import InputError
from shrinkage.pytorch.optimizers import Group, Moment
from shrinkage.pytorch.sharding import is_sharded
from shrinkage.pytorch.slots import Slot
from shrinkage.pytorch.updates import UPDATES, Update
from shrinkage.terms import Part


@dataclass(frozen=True, eq=False)
class _Member:
    slot: Slot
    update: Update


class Shared:
    """The terms of an attachment whose parameters share a set.

    Args:
        slots: of the attachment.

    Raises:
        InputError: a parameter in shards, whose weights no process sees as a whole.
    """

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._members: dict[str, list[_Member]] = {}
        for slot in slots:
            for part in slot.plan.parts:
                if part.penalty.is_shared:
                    self._members.setdefault(part.term, []).append(_member(slot, part))
        for term, members in self._members.items():
            _divide(
                term, members, [(own.slot.target.view(own.slot.parameter), 1.0) for own in members]
            )

    def __bool__(self) -> bool:
        return bool(self._members)

    def settle(self, groups: Sequence[Group], states: Mapping[Any, Any]) -> None:
        """Tell every parameter of such a term its part, all of them having moved."""
        for term, members in self._members.items():
            if not _part(members[0].slot, term).is_absent:
                _divide(term, members, [_weights(member, groups, states) for member in members])


def _member(slot: Slot, part: Part) -> _Member:
    if is_sharded(slot.parameter):
        raise InputError(
            f"expected whole parameters for {part.penalty!r}, which compares all weights, got "
            f"{slot.target.name} in shards on several processes: use Cardinality, which is of each "
            "layer, or L0"
        )
    kind = UPDATES[part.update]
    return _Member(slot, next(update for update in slot.updates if type(update) is kind))


def _divide(
    term: str, members: Sequence[_Member], weights: Sequence[tuple[torch.Tensor, Any]]
) -> None:
    """Tell every member what it may keep of its weights, given with their steps."""
    parts = [_part(member.slot, term) for member in members]
    arrays = [part.about(w) for part, (w, _) in zip(parts, weights, strict=True)]
    steps = [step for _, step in weights]
    each = parts[0].penalty.shared(arrays, steps, min(1, members[0].slot.target.stacked))
    for member, penalty in zip(members, each, strict=True):
        member.slot.plan = member.slot.plan.sharing(term, penalty)
        member.update.take(member.slot.plan)


def _part(slot: Slot, term: str) -> Part:
    parts = slot.plan.parts
    return next(part for part in parts if part.term == term and part.penalty.is_shared)


def _weights(
    member: _Member, groups: Sequence[Group], states: Mapping[Any, Any]
) -> tuple[torch.Tensor, Any]:
    slot = member.slot
    gradient = slot.parameter.grad
    if gradient is None:
        raise InputError(
            f"expected a gradient for every parameter that shares a set, got none for "
            f"{slot.target.name}: select the parameters that every step trains"
        )
    state = states.get(slot.parameter, {})
    return member.update.before_sets(Moment(groups[slot.group], state, gradient=gradient))
