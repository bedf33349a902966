"""Terms attached to the optimizer of a Keras model: `fit` and every other loop stay as they are.

Who uses this: `regularize`. Methods of one optimizer object are wrapped, and nothing else: no
subclass, and no variable that is saved, so that a saved model is that of the optimizer alone and
loads without this package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shrinkage.errors import InputError
from shrinkage.keras.arrays import number, ops, plain
from shrinkage.keras.optimizers import STEP, compiled_optimizer, inner_optimizer, ways_to
from shrinkage.keras.slots import PenalisedVariable, check_held
from shrinkage.keras.velocity import VelocityRates, velocity_rates
from shrinkage.keras.watch import FirstEpochWatch, unwatch, watch
from shrinkage.terms import Assignment, Terms, present


class KerasAttachment:
    """What `regularize` returns: it acts in every step of the optimizer until `detach`.

    Args:
        model: the compiled model.
        optimizer: the one that takes its steps.
        slots: the penalised variables.
        assignment: who is penalised by what, and why not.
    """

    def __init__(
        self, model: Any, optimizer: Any, slots: Sequence[PenalisedVariable], assignment: Assignment
    ) -> None:
        self.model, self.optimizer = model, optimizer
        self.assignment = assignment
        self._slots = tuple(slots)
        self._velocity: VelocityRates | None = None
        self._is_compiled = inner_optimizer(compiled_optimizer(model)) is optimizer
        acting = {
            optimizer._var_key(slot.variable): slot
            for slot in self._slots
            if present(slot.plan.parts)
        }
        self._synchronize()
        if any(slot.plan.in_metric for slot in acting.values()):
            if self._is_compiled and not optimizer.built:  # so that its own variables come first
                optimizer.build(model.trainable_variables)
            self._velocity = velocity_rates(optimizer)
        if acting:
            # Not by assignment: Keras tracks what is set on an optimizer.
            vars(optimizer)[STEP] = self._regularized(getattr(optimizer, STEP), acting)
        self._acts, self._detached, self._joined = bool(acting), False, False
        self._watch = FirstEpochWatch(self._check_first_epoch)
        watch(model, self._watch)
        self._retrace()
        self._first_step = self.steps

    @property
    def terms(self) -> Terms:
        """The terms as they were given."""
        return self.assignment.terms

    @property
    def attached(self) -> bool:
        """Whether the model still trains with the terms; `compile` gives it another optimizer."""
        current = inner_optimizer(compiled_optimizer(self.model))
        if self._detached or (self._is_compiled and current is not self.optimizer):
            return False
        return (STEP in vars(self.optimizer)) == self._acts

    @property
    def steps(self) -> int:
        """How many steps the optimizer has taken."""
        self._synchronize()
        return int(number(self.optimizer.iterations))

    def table(self) -> str:
        """Return who is penalised by what, and why not, as text."""
        return str(self.assignment)

    def value(self) -> dict[str, float]:
        """Return strength·penalty of each term now, by the term's id."""
        self._synchronize()
        totals = dict.fromkeys(self.terms.ids, 0.0)
        for slot in self._slots:
            w = plain(slot.variable)
            for part in slot.plan.parts:
                totals[part.term] += part.strength * number(part.penalty.value(part.about(w)))
        return totals

    def zeros(self) -> dict[str, int]:
        """Return how many weights of each penalised parameter are exactly zero."""
        self._synchronize()
        return {
            slot.name: int(number(ops.sum(ops.cast(slot.variable == 0, "int32"))))
            for slot in self._slots
        }

    def sizes(self) -> dict[str, int]:
        """Return how many weights each penalised parameter has."""
        infos = {info.name: info.size for info in self.assignment.infos}
        return {slot.name: infos[slot.name] for slot in self._slots}

    def detach(self) -> None:
        """Take the terms off the optimizer; they act no more."""
        unwatch(self.model, self._watch)
        if self._acts and not self._detached:
            vars(self.optimizer).pop(STEP, None)
            self._synchronize()
            if self._velocity is not None:
                self._velocity.release()
            self._retrace()
        self._detached = True

    def _retrace(self) -> None:
        """Drop the train function: the old one has been traced without, or with, the terms."""
        self._synchronize()
        self.model.train_function = None

    def _synchronize(self) -> None:
        """Bring the variables up to date: within an epoch, JAX keeps their values elsewhere."""
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()

    def _check_first_epoch(self, moved: Mapping[str, Any]) -> bool:
        """Refuse an epoch without a step that has the terms; return whether there was one."""
        if self._joined or not self._acts:
            check_held(self.optimizer, self._slots)
            return True
        kind, names = type(self.optimizer).__name__, ", ".join(moved)
        if self.steps > self._first_step:
            raise InputError(
                f"expected steps with the terms, got an epoch of {kind} in a function that was "
                "compiled before them: call regularize before the first call of that function"
            )
        if any(inner_optimizer(own) is self.optimizer for own in moved.values()):
            return False  # gradients are collected, or every step has been skipped on overflow
        raise InputError(
            f"expected {kind}, which has the terms, to take the steps, got an epoch without one"
            f"{f', in which {names} moved' if moved else ''}: train by model.optimizer"
            f"{ways_to(moved)}"
        )

    def _regularized(self, plain_step: Any, slots: dict[Any, PenalisedVariable]) -> Any:
        """Return the step with the terms around it, for variables that have a gradient."""
        optimizer = self.optimizer

        def step(gradients: Any, variables: Any, learning_rate: Any) -> None:
            self._joined = True  # where steps are compiled: the one that is compiled has the terms
            slots_of_variables = [slots.get(optimizer._var_key(variable)) for variable in variables]
            pairs = zip(gradients, slots_of_variables, strict=True)
            regularized = [g if slot is None else slot.gradient(g) for g, slot in pairs]
            velocity = self._velocity
            amplified = learning_rate if velocity is None else velocity.take(learning_rate)
            moving = [slot for slot in slots_of_variables if slot is not None]
            for slot in moving:
                slot.before(learning_rate)
            plain_step(regularized, variables, learning_rate)
            for slot in moving:
                slot.after(optimizer, learning_rate, amplified)

        return step
