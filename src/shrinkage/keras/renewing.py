"""Penalties that are renewed as training goes: what they hold, in variables of the optimizer.

Who uses this: the attachment. What is held (of `ReweightedL1`, its slopes) is in no file: a run
that is loaded begins a round with the weights that it brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shrinkage.keras.arrays import ops, plain
from shrinkage.keras.slots import PenalisedVariable
from shrinkage.keras.unsaved import Unsaved


def renewing(slots: Sequence[PenalisedVariable], optimizer: Any) -> list[PenalisedVariable]:
    """Return the slots, those with penalties that are renewed with variables for what they hold.

    Args:
        slots: of the terms.
        optimizer: the one that moves them.
    """
    return [_renewing(slot, optimizer) if slot.plan.renewals else slot for slot in slots]


def release(slots: Sequence[PenalisedVariable], optimizer: Any) -> None:
    """Take the variables out of the optimizer; they keep their values."""
    for slot in slots:
        for variable in slot.renewals:
            Unsaved.of(optimizer).remove(variable)


def _renewing(slot: PenalisedVariable, optimizer: Any) -> PenalisedVariable:
    ones = ops.ones_like(plain(slot.variable))
    made: list[PenalisedVariable] = []

    def begin_a_round() -> None:
        made[0].renew(None)

    def variable() -> Any:
        shape, dtype = tuple(slot.variable.shape), slot.variable.dtype
        own = Unsaved.of(optimizer).add(shape, dtype, "renewal", begin_a_round)
        own.assign(ones)
        return own

    made.append(replace(slot, renewals=tuple(variable() for _ in slot.plan.renewals)))
    return made[0]
