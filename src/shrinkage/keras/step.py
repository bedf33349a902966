"""The step of one optimizer with the terms around it, as every backend takes or traces it.

Who uses this: the attachment, which puts it in the place of the optimizer's own. What changes in
training without a new trace is here an array: the buffer of rates, and strengths on a schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from shrinkage.keras.arrays import ops
from shrinkage.keras.optimizers import STEP
from shrinkage.keras.sharing import check_moving, divide
from shrinkage.keras.slots import PenalisedVariable
from shrinkage.keras.velocity import VelocityRates, has_velocity
from shrinkage.terms import present
from shrinkage.terms.strengths import Strengths


class RegularizedStep:
    """What stands in the place of an optimizer's step while terms are on it.

    Args:
        optimizer: a Keras optimizer.
        slots: the penalised variables.
        strengths: of the terms, with their schedules.
    """

    def __init__(
        self, optimizer: Any, slots: Sequence[PenalisedVariable], strengths: Strengths
    ) -> None:
        self.freezes = False  # whether zeros that a step has made stay
        self.joined = False  # whether a step has been taken, or traced, with the terms
        self._optimizer, self._slots, self._strengths = optimizer, tuple(slots), strengths
        self._plain: Any = None
        self._acting: dict[Any, PenalisedVariable] = {}
        self._velocity: VelocityRates | None = None

    @property
    def acts(self) -> bool:
        """Whether any strength is not 0, so that it stands there at all."""
        return bool(self._acting)

    @property
    def is_there(self) -> bool:
        """Whether the optimizer has it, or has rightly none."""
        return (vars(self._optimizer).get(STEP) is not None) == self.acts

    def bring(self) -> None:
        """Act with the strengths as they are set; those of 0 are not there, and change no bit."""
        slots = (slot.at(self._strengths.as_set) for slot in self._slots)
        self._acting = {
            self._optimizer._var_key(slot.variable): slot
            for slot in slots
            if present(slot.plan.parts)
        }
        in_metric = any(slot.plan.in_metric for slot in self._acting.values())
        if in_metric and self._velocity is None and has_velocity(self._optimizer):
            self._velocity = VelocityRates(self._optimizer)
        if self._acting and self._plain is None:
            self._plain = getattr(self._optimizer, STEP)
            vars(self._optimizer)[STEP] = self.take  # not by assignment, which Keras tracks
        elif not self._acting:
            self.release()

    def release(self) -> None:
        """Give the optimizer its own step back."""
        self._acting = {}
        if self._plain is not None:
            vars(self._optimizer).pop(STEP, None)
            self._plain = None
        if self._velocity is not None:
            self._velocity.release()
            self._velocity = None

    def take(self, gradients: Any, variables: Any, learning_rate: Any) -> None:
        """Take the optimizer's step with the terms, on variables that have a gradient."""
        self.joined = True
        slots = self._now([self._optimizer._var_key(variable) for variable in variables])
        pairs = zip(gradients, slots, strict=True)
        regularized = [g if slot is None else slot.gradient(g) for g, slot in pairs]
        amplified = learning_rate if self._velocity is None else self._velocity.take(learning_rate)
        moving = [slot for slot in slots if slot is not None]
        zeros = [slot.zeros() if self.freezes else None for slot in moving]
        starts = [slot.before(learning_rate) for slot in moving]
        check_moving(self._acting.values(), moving)
        self._plain(regularized, variables, learning_rate)
        rates = (self._optimizer, learning_rate, amplified)
        moved = tuple(moving)
        moving = divide(moved, lambda place: moved[place].shrinks(*rates, starts[place]))
        for slot, zero, start in zip(moving, zeros, starts, strict=True):
            slot.after(*rates, start)
            if zero is not None:
                slot.hold(ops.logical_and(zero, self._optimizer.iterations > 0))
            if slot.renewals:
                slot.renew(self._optimizer.iterations + 1)

    def _now(self, keys: Sequence[Any]) -> list[PenalisedVariable | None]:
        """Return the slots of variables, at the strengths of this step."""
        slots = [self._acting.get(key) for key in keys]
        if self._strengths.vary:
            step = ops.cast(self._optimizer.iterations, keras.config.floatx())
            strengths = self._strengths.at(step)
            slots = [slot and slot.at(strengths) for slot in slots]
        return [slot and slot.with_renewals() for slot in slots]
