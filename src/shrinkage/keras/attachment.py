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
from shrinkage.keras.optimizers import compiled_optimizer, inner_optimizer, ways_to
from shrinkage.keras.renewing import release, renewing
from shrinkage.keras.slots import PenalisedVariable, check_held
from shrinkage.keras.step import RegularizedStep
from shrinkage.keras.velocity import has_velocity
from shrinkage.keras.watch import FirstEpochWatch, is_fitting, unwatch, watch
from shrinkage.ledger import decay_timescale
from shrinkage.terms import Assignment, Term, Terms
from shrinkage.terms.strengths import Strengths


class KerasAttachment:
    """What `regularize` returns: it acts in every step of the optimizer until `detach`.

    Args:
        model: the Keras model.
        optimizer: the one that takes its steps.
        slots: the penalised variables.
        assignment: who is penalised by what, and why not.
        strengths: of the terms, with their schedules.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        slots: Sequence[PenalisedVariable],
        assignment: Assignment,
        strengths: Strengths,
    ) -> None:
        self.model, self.optimizer = model, optimizer
        self.assignment = assignment
        self._strengths = strengths
        self._is_compiled = inner_optimizer(compiled_optimizer(model)) is optimizer
        remembers = has_velocity(optimizer) or any(slot.plan.renewals for slot in slots)
        if self._is_compiled and not optimizer.built and remembers:
            optimizer.build(model.trainable_variables)  # so that its own variables come first
        self._slots = tuple(renewing(slots, optimizer))
        self._step = RegularizedStep(optimizer, self._slots, strengths)
        self._detached = False
        self._watch = FirstEpochWatch(self._check_first_epoch)
        watch(model, self._watch)
        self._first_step = self.steps
        self._bring()

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
        return self._step.is_there

    @property
    def strengths(self) -> dict[str, float]:
        """The strength that each term has now, by the term's id: its name, else its text."""
        return dict(self._strengths.at(self.steps))

    def set_strength(self, term: Term | str | int, value: float) -> None:
        """Give a term another strength from the next step on; a schedule multiplies it.

        The train function is traced anew; in a loop of your own that is compiled, call this before
        the function is.

        Args:
            term: the term itself, its id as `strengths` has it, or its number from 0.
            value: a finite number of at least 0.

        Raises:
            InputError: an unknown term or a bad strength.
        """
        self._strengths.set(term, value)
        if not self._detached:
            self._bring()

    @property
    def freeze_zeros(self) -> bool:
        """Whether weights that a penalty has made zero stay zero, whatever the optimizer does.

        What is zero before the first step of the optimizer may move in it.
        """
        return self._step.freezes

    @freeze_zeros.setter
    def freeze_zeros(self, value: bool) -> None:
        self._step.freezes = bool(value)
        self._retrace()

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
        totals, strengths = dict.fromkeys(self.terms.ids, 0.0), self.strengths
        for slot in (slot.at(strengths).with_renewals() for slot in self._slots):
            w = plain(slot.variable)
            for part in slot.plan.parts:
                totals[part.term] += part.strength * number(part.penalty_at(w))
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

    def timescales(self) -> dict[str, float | None]:
        """Return 1 / (learning rate · strength of L2) for each penalised parameter, in steps."""
        self._synchronize()
        strengths, rate = self.strengths, number(self.optimizer.learning_rate)
        return {
            slot.name: decay_timescale(slot.at(strengths).plan.parts, rate) for slot in self._slots
        }

    def detach(self) -> None:
        """Take the terms off the optimizer; they act no more."""
        unwatch(self.model, self._watch)
        if not self._detached:
            self._synchronize()
            self._step.release()
            release(self._slots, self.optimizer)
            self._retrace()
        self._detached = True

    def _bring(self) -> None:
        """Act with the strengths as they are set."""
        self._synchronize()
        self._step.bring()
        self._retrace()

    def _retrace(self) -> None:
        """Drop the train function: the old one has been traced without, or with, the terms."""
        self._synchronize()
        self.model.train_function = None
        if is_fitting(self.model):
            self.model.make_train_function()

    def _synchronize(self) -> None:
        """Bring the variables up to date: within an epoch, JAX keeps their values elsewhere."""
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()

    def _check_first_epoch(self, moved: Mapping[str, Any]) -> bool:
        """Refuse an epoch without a step that has the terms; return whether there was one."""
        if self._step.joined or not self._step.acts:
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
