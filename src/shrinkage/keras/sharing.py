"""Sets that several variables share: what each may keep, once all have moved.

Who uses this: the step, traced or not. What is kept of one variable (`GlobalCardinality`) follows
from all that share the set and from the steps that they have taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from shrinkage.arrays import Array
from shrinkage.errors import InputError
from shrinkage.keras.arrays import plain
from shrinkage.keras.slots import PenalisedVariable
from shrinkage.terms import Part

Shrinks = Sequence[tuple[Any, Array, Array | None]]


def check_moving(acting: Iterable[PenalisedVariable], moving: Iterable[PenalisedVariable]) -> None:
    """Refuse a step that leaves out a variable of a shared set.

    Args:
        acting: all variables that terms are on.
        moving: those of this step.

    Raises:
        InputError: it names the first.
    """
    moved = {slot.name for slot in moving}
    for slot in acting:
        if _shared(slot) and slot.name not in moved:
            raise InputError(
                "expected a gradient for every variable that shares a set, got none for "
                f"{slot.name}: select the variables that every step trains"
            )


def divided(
    slots: Sequence[PenalisedVariable], shrinks: Callable[[int], Shrinks]
) -> list[PenalisedVariable]:
    """Return the variables, every part of a shared set told what it may keep.

    Args:
        slots: variables that have moved.
        shrinks: the proxes that the one at a place is about to take.
    """
    members: dict[str, list[tuple[int, Part]]] = {}
    for place, slot in enumerate(slots):
        for part in _shared(slot):
            members.setdefault(part.term, []).append((place, part))
    slots = list(slots)
    for term, parts in members.items():
        arrays, steps = [], []
        for place, part in parts:
            own = next(one for one in shrinks(place) if any(part is p for p in one[0].parts))
            w, step = own[0].before_sets(plain(slots[place].variable), own[1], reach=own[2])
            arrays.append(part.about(w))
            steps.append(step)
        each = parts[0][1].penalty.shared(arrays, steps)
        for (place, _), penalty in zip(parts, each, strict=True):
            slot = slots[place]
            slots[place] = replace(slot, plan=slot.plan.sharing(term, penalty))
    return slots


def _shared(slot: PenalisedVariable) -> list[Part]:
    return [part for part in slot.plan.parts if part.penalty.is_shared]
