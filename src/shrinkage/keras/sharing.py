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
from shrinkage.terms import ProximalSum, divided

Shrinks = Sequence[tuple[ProximalSum, Array, Array | None]]


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
        if slot.plan.shared is not None and slot.name not in moved:
            raise InputError(
                "expected a gradient for every variable that shares a set, got none for "
                f"{slot.name}: select the variables that every step trains"
            )


def divide(
    slots: Sequence[PenalisedVariable], shrinks: Callable[[int], Shrinks]
) -> list[PenalisedVariable]:
    """Return the variables, every part of a shared set told what it may keep.

    Args:
        slots: variables that have moved.
        shrinks: the proxes that the one at a place is about to take.
    """

    def reached(place: int) -> tuple[Array, Any]:
        own = slots[place].plan.shared
        parts, step, reach = next(each for each in shrinks(place) if own in each[0].parts)
        return parts.before_sets(plain(slots[place].variable), step, reach=reach)

    plans = divided({place: slot.plan for place, slot in enumerate(slots)}, reached)
    return [replace(slot, plan=plans[place]) for place, slot in enumerate(slots)]
