"""Penalties that several parameters share: before their proxes each is told its part.

Who uses this: `Attachment`. A part is on one parameter, also of `GlobalCardinality`; what it keeps
there follows from all parameters of the term and from the steps that their optimizer has just
taken, so it is settled when all have moved and none has been shrunk yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from shrinkage.errors import InputError
from shrinkage.pytorch.optimizers import Group, Moment
from shrinkage.pytorch.sharding import is_sharded
from shrinkage.pytorch.slots import Slot
from shrinkage.pytorch.updates import UPDATES, Update
from shrinkage.terms import Part, divided


class Shared:
    """The terms of an attachment whose parameters share a set.

    Args:
        slots: of the attachment.

    Raises:
        InputError: a parameter in shards, whose weights no process sees as a whole.
    """

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._updates: dict[Slot, Update] = {}
        for slot in slots:
            for part in slot.plan.parts:
                if part.penalty.is_shared:
                    self._updates[slot] = _projecting(slot, part)
        _divide(self._updates, lambda slot: (slot.target.view(slot.parameter), 1.0))

    def __bool__(self) -> bool:
        return bool(self._updates)

    def settle(self, groups: Sequence[Group], states: Mapping[Any, Any]) -> None:
        """Tell every parameter of such a term its part, all of them having moved."""

        def reached(slot: Slot) -> tuple[torch.Tensor, Any]:
            gradient = slot.parameter.grad
            if gradient is None:
                raise InputError(
                    f"expected a gradient for every parameter that shares a set, got none for "
                    f"{slot.target.name}: select the parameters that every step trains"
                )
            moment = Moment(groups[slot.group], states.get(slot.parameter, {}), gradient=gradient)
            return self._updates[slot].before_sets(moment)

        _divide(self._updates, reached)


def _projecting(slot: Slot, part: Part) -> Update:
    if is_sharded(slot.parameter):
        raise InputError(
            f"expected whole parameters for {part.penalty!r}, which compares all weights, got "
            f"{slot.target.name} in shards on several processes: use Cardinality, which is of each "
            "layer, or L0"
        )
    kind = UPDATES[part.update]
    return next(update for update in slot.updates if type(update) is kind)


def _divide(slots: Iterable[Slot], reached: Callable[[Slot], tuple[torch.Tensor, Any]]) -> None:
    plans = {slot: slot.plan for slot in slots}
    stacked = max((min(1, slot.target.stacked) for slot in plans), default=0)
    for slot, plan in divided(plans, reached, stacked).items():
        slot.take(plan)
