"""Penalties that are renewed from the weights after every so many real steps.

Who uses this: `Attachment`. What was renewed is in the plan of its parameter, and in a checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch

from shrinkage.pytorch.slots import Slot
from shrinkage.terms import Part


def renewing(slots: Iterable[Slot]) -> tuple[Slot, ...]:
    """Return the slots with a penalty that is renewed."""
    return tuple(slot for slot in slots if any(p.penalty.is_renewed for p in slot.plan.parts))


def renew(slots: Iterable[Slot], steps: int) -> None:
    """Begin the rounds that are due after so many real steps."""
    for slot in slots:
        target = slot.target

        def own(part: Part, target: Any = target) -> Part:
            if not (part.penalty.is_renewed and part.penalty.is_due(steps)):
                return part
            w = target.view(target.parameter)
            return replace(part, penalty=part.penalty.renewed(part.about(w)))

        _change(slot, own)


def renewed_weights(slot: Slot) -> list[torch.Tensor | None]:
    """Return what the parts of a parameter that are renewed hold, None before the first time."""
    return [part.penalty.renewal() for part in slot.plan.parts if part.penalty.is_renewed]


def load_renewed(slot: Slot, values: Iterable[torch.Tensor | None]) -> None:
    """Take what `renewed_weights` gave."""
    left = iter(values)

    def own(part: Part) -> Part:
        if not part.penalty.is_renewed:
            return part
        weights = next(left)
        like = slot.parameter
        moved = None if weights is None else weights.to(like.device, like.dtype)
        return replace(part, penalty=part.penalty.with_renewal(moved))

    _change(slot, own)


def _change(slot: Slot, own: Any) -> None:
    slot.plan = slot.plan.changed(own)
    for update in slot.updates:
        update.take(slot.plan)
