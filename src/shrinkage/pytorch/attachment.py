"""Terms attached to an optimizer by its step hooks: the caller's training loop does not change.

Who uses this: `regularize` (parameters of a model) and `attach` (many models stacked in each
parameter, for the path engine). Hooks and no subclass, so that schedulers, scalers and checkpoints
meet the optimizer that they know; nothing is written into its groups or state.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch.optim import Optimizer

from shrinkage.audits.source_lines import SourceLine
from shrinkage.errors import UnsupportedOptimizer
from shrinkage.pytorch.attached import (
    check_free,
    forget_attached,
    note_attached,
    note_copy,
    refuse_pickle,
)
from shrinkage.pytorch.checkpoint import check_saved, load_slot_states, slot_states
from shrinkage.pytorch.held import Follow, Held, still_held
from shrinkage.pytorch.inner_steps import InnerSteps
from shrinkage.pytorch.ledger import LayerState, Ledger
from shrinkage.pytorch.ledger.entries import record_begin, record_end
from shrinkage.pytorch.nesting import outermost, untraced
from shrinkage.pytorch.optimizers import Moment
from shrinkage.pytorch.optimizers.averages import SHRINKS, closure_at
from shrinkage.pytorch.optimizers.own_rates import own_rates, rate_of
from shrinkage.pytorch.optimizers.scaling import loss_scale, stands_still
from shrinkage.pytorch.optimizers.support import check_group, check_sharded, check_support
from shrinkage.pytorch.prox.batched import Batches
from shrinkage.pytorch.sharding import is_empty_shard, is_sharded
from shrinkage.pytorch.shared import Shared
from shrinkage.pytorch.slots import Slot
from shrinkage.pytorch.updates import Gradient, Loss, Update
from shrinkage.terms import Assignment, Term
from shrinkage.terms.strengths import Strengths


class Attachment:
    """What `regularize` and `attach` return: it acts through the optimizer until `detach`.

    Args:
        optimizer: its hooks are used.
        slots: the parameters with their updates.
        strengths: of each term by its id: numbers, one per stacked model, or with schedules.
        assignment: returns who is penalised by what, where the parameters have names.
        update: of terms that name none.
        ledger: takes the record of training; the default records nothing.
        follow: from the slots so far to those of the parameters as things stand; the default
            leaves out what the optimizer holds no more.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        slots: Sequence[Slot],
        strengths: Mapping[str, Any] | Strengths,
        *,
        assignment: Callable[[], Assignment] | None = None,
        update: str = "proximal",
        ledger: Ledger | None = None,
        follow: Follow | None = None,
    ) -> None:
        self.steps = 0
        self.line: SourceLine | None = None  # where `regularize` was called, for the audit
        self._assignment, self.update = assignment, update
        self.ledger = Ledger(every=0) if ledger is None else ledger
        self._optimizer, self._follow = optimizer, follow or partial(still_held, optimizer)
        self._strengths = strengths if isinstance(strengths, Strengths) else Strengths(strengths)
        self._freezes = False
        self._moving: Sequence[Slot] = ()  # the slots themselves where all have a gradient
        self._states: list[LayerState] | None = None
        self._loss_taken, self._warned = False, False
        check_free(optimizer)
        self._take(slots)
        for slot in self._slots:
            self._check(slot)
        self._bring_strengths()
        self._held = Held(optimizer)
        self._own_rates = own_rates(optimizer) if self._watched is not None else ()
        self._groups: Sequence[Mapping[str, Any]] = ()
        self._handles = (
            optimizer.register_step_pre_hook(untraced(outermost(optimizer, self._before_step))),
            optimizer.register_step_post_hook(untraced(outermost(optimizer, self._after_step))),
            InnerSteps(optimizer, (slot.parameter for slot in self._slots)),
        )
        note_attached(optimizer, self)

    @property
    def assignment(self) -> Assignment | None:
        """Who is penalised by what as things stand, None where the parameters have no names."""
        return None if self._assignment is None else self._assignment()

    def table(self) -> str:
        """Return who is penalised by what, and why not, as text."""
        if self.assignment is not None:
            return str(self.assignment)
        return "\n".join(
            f"{slot.target.name}: {', '.join(dict.fromkeys(p.term for p in slot.plan.parts))}"
            for slot in self._slots
        )

    @property
    def strengths(self) -> dict[str, Any]:
        """The strength that each term has now, by the term's id: its name, else its text."""
        return dict(self._strengths.now)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The parameters with their updates."""
        return self._slots

    @property
    def given_strengths(self) -> tuple[Any, ...]:
        """The strengths as they were set, by number of term, without the schedules' factors."""
        return tuple(self._strengths.as_set.values())

    def set_strength(self, term: Term | str | int, value: float) -> None:
        """Give a term another strength from the next step on; a schedule multiplies it.

        Args:
            term: the term itself, its id as `strengths` has it, or its number from 0.
            value: a finite number of at least 0.

        Raises:
            InputError: an unknown term or a bad strength.
        """
        self._strengths.set(term, value)
        self._bring_strengths()

    @torch.no_grad()
    def value(self) -> dict[str, Any]:
        """Return strength·penalty of each term now, by its id: a number, or one per stacked model.

        Parameters that lie in shards on several processes are summed: all of them have to ask.
        """
        self._take_as_things_stand()
        totals: dict[str, Any] = {}
        for slot in self._slots:
            for part in slot.plan.parts:
                value = slot.value(part)
                totals[part.term] = totals[part.term] + value if part.term in totals else value
        return totals

    def loss(self) -> torch.Tensor:
        """Return the sum of the terms whose update is "loss", to be added to the data loss."""
        self._loss_taken = True
        if self._held.has_changed():
            self._take_as_things_stand()
        if self._strengths.vary:
            self._bring_strengths()  # the step to come has not asked for them yet
        values = [update.value() for update in self._updates if isinstance(update, Loss)]
        return sum(values[1:], values[0]) if values else torch.zeros(())

    def note_loss(self, loss: Any) -> None:
        """Tell the ledger the data loss of the coming step: a number or a tensor."""
        self.ledger.note_loss(loss)

    @property
    def freeze_zeros(self) -> bool:
        """Whether weights that a penalty has made zero stay zero, whatever the optimizer does."""
        return self._freezes

    @freeze_zeros.setter
    @torch.no_grad()
    def freeze_zeros(self, value: bool) -> None:
        """Freeze what is zero now and what becomes zero from now on, or let everything go."""
        self._freezes = bool(value)
        for slot in self._slots:
            slot.frozen.mask = None
            if value and slot.makes_zeros:
                slot.hold_zeros(grow=self.steps > 0)

    def plot(self) -> Any:
        """Return a matplotlib figure of the ledger: losses, gradient shares, zeros, timescales."""
        return self.ledger.plot()

    def __deepcopy__(self, memo: dict[int, Any]) -> Attachment:
        """Return itself: a copy of a model that refers to it has no optimizer for another one."""
        note_copy(self._optimizer, memo)
        return self

    __reduce__ = refuse_pickle

    def detach(self) -> None:
        """Take the hooks off the optimizer; the terms act no more."""
        self._release()
        for handle in self._handles:
            handle.remove()
        forget_attached(self._optimizer)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs beside the optimizer's state: numbers and tensors.

        `torch.load(weights_only=True)` reads it. Strengths are those that were set.
        """
        return {
            "steps": self.steps,
            "strengths": [
                s if isinstance(s, torch.Tensor) else float(s) for s in self.given_strengths
            ],
            "freeze_zeros": self._freezes,
            "ledger": self.ledger.state_dict(),
            **slot_states(self._slots),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the state of an attachment with the same parameters and terms.

        Raises:
            InputError: the state of something else, or names of parameters, or a number of terms,
                that this attachment has not.
        """
        check_saved(state)
        self._strengths.set_all(state.get("strengths", self.given_strengths))
        load_slot_states(self._slots, state)
        self.steps = int(state.get("steps", self.steps))
        self._freezes = bool(state.get("freeze_zeros", self._freezes))
        if "ledger" in state:
            self.ledger.load_state_dict(state["ledger"])
        self._bring_strengths()

    def _take(self, slots: Sequence[Slot]) -> None:
        """Work on these slots from now on."""
        self._slots = tuple(slots)
        self._updates: tuple[Update, ...] = tuple(u for slot in self._slots for u in slot.updates)
        self._borrowers = tuple(u for u in self._updates if isinstance(u, Gradient))
        self._by_loss = tuple(u for u in self._updates if isinstance(u, Loss))
        shrunk = (s for s in slots if not s.named.isdisjoint(SHRINKS))
        self._watched = min((s.parameter for s in shrunk), key=torch.Tensor.numel, default=None)
        self._sort()
        self._shared = Shared(self._slots)
        self._renewing = [slot for slot in self._slots if slot.plan.renewals]
        updates = {part.update for slot in self._slots for part in slot.plan.parts}
        check_support(self._optimizer, sorted(updates))

    def _check(self, slot: Slot) -> None:
        """Refuse a parameter on which its terms cannot act."""
        group = self._optimizer.param_groups[slot.group]
        check_group(slot.target.name, group, [part.update for part in slot.plan.parts])
        if is_sharded(slot.parameter):
            check_sharded(self._optimizer, slot.target.name)

    def _bring_strengths(self) -> None:
        """Bring the strengths of this step into the slots whose terms have changed."""
        changed = self._strengths.bring(self.steps)
        if changed:
            for slot in self._slots:
                if not changed.isdisjoint(slot.terms):
                    slot.set_strengths(self._strengths.now)
            self._sort()

    def _sort(self) -> None:
        """Sort the slots by what a step at these strengths has to do."""
        self._empty = tuple(slot for slot in self._slots if is_empty_shard(slot.parameter))
        self._batches = Batches(self._slots)

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: dict) -> Any:
        """Act before the step, or, with a closure, between the closure and the step."""
        if self._borrowers:
            self._release()
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if closure is None:
            self._begin(optimizer)
            return None
        if self._borrowers:
            raise UnsupportedOptimizer(
                "expected step() without a closure for update='gradient', got a closure, which "
                "computes the gradients anew: call it before step(), or use another update"
            )

        if self._watched is not None:
            closure = closure_at(optimizer, self._watched, closure)

        def closure_then_updates() -> Any:
            loss = closure()
            self._begin(optimizer)
            return loss

        if len(args) > 1:
            return (args[0], closure_then_updates, *args[2:]), kwargs
        return args, {**kwargs, "closure": closure_then_updates}

    def _begin(self, optimizer: Any) -> None:
        self._moving = ()
        if stands_still(optimizer):
            return
        if self._held.has_changed():
            self._take_as_things_stand()
        if self._strengths.vary:
            self._bring_strengths()
        for slot in self._empty:
            # Every process has to take part where shards are gathered. FSDP2 gives a shard without
            # weights no gradient, so its optimizer would have no state for it.
            if slot.parameter.grad is None:
                slot.parameter.grad = torch.zeros_like(slot.parameter)
        self._moving = self._slots
        for slot in self._slots:
            if slot.parameter.grad is None:
                self._moving = [slot for slot in self._slots if slot.parameter.grad is not None]
                break
        self._groups = groups = self._groups_of(optimizer)
        if self.ledger.due(self.steps + 1):
            scale = loss_scale(optimizer)
            with torch.no_grad():
                self._states = record_begin(
                    self.ledger, self.steps + 1, self._moving, groups, scale
                )
        all_move = self._moving is self._slots  # batches are for that
        slots = self._batches.before(groups) if all_move else self._moving
        if slots:
            self._update_before(optimizer, slots)

    def _groups_of(self, optimizer: Any) -> Sequence[Mapping[str, Any]]:
        """Return the groups, with the rate by which an optimizer steps that finds its own."""
        groups = optimizer.param_groups
        if not self._own_rates:
            return groups
        return [group | {"lr": rate_of(group, self._own_rates)} for group in groups]

    @torch.no_grad()
    def _update_before(self, optimizer: Any, slots: Sequence[Slot]) -> None:
        groups, states, scale = self._groups, optimizer.state, loss_scale(optimizer)
        for slot in slots:
            # by index and by parameter: `load_state_dict` replaces groups and state
            moment = Moment(groups[slot.group], states.get(slot.parameter, {}), scale)
            for update in slot.updates:
                update.before(moment)

    def _after_step(self, optimizer: Any, *_: Any) -> None:
        if not self._moving:
            return
        groups, states = self._groups, optimizer.state
        all_move = self._moving is self._slots
        slots = self._batches.after(groups, states) if all_move else self._moving
        if slots or self._freezes:
            with torch.no_grad():
                if self._shared:
                    self._shared.settle(groups, states)
                for slot in slots:
                    state, gradient = states.get(slot.parameter, {}), slot.parameter.grad
                    moment = Moment(groups[slot.group], state, gradient=gradient)
                    for update in slot.updates:
                        update.after(moment)
                if self._freezes:
                    self._hold_zeros()
        self.steps += 1
        if self._renewing:
            with torch.no_grad():
                for slot in self._renewing:
                    slot.renew(self.steps)
        if self._states is not None:
            with torch.no_grad():
                record_end(self.ledger, self._moving, self._states)
            self._states = None
        self._moving = ()
        if self._by_loss:
            self._check_loss_taken()

    def _hold_zeros(self) -> None:
        for slot in self._moving:
            if slot.makes_zeros:
                slot.hold_zeros(grow=any(self._strengths.now[term] for term in slot.terms))

    def _take_as_things_stand(self) -> None:
        """Take what model and optimizer have now: parameters join, leave and are replaced."""
        slots = tuple(self._follow(self._slots))
        if slots == self._slots and not self._held.has_changed():
            return
        for slot in slots:
            if slot not in self._slots:
                self._check(slot)
                slot.set_strengths(self._strengths.now)
        self._take(slots)
        self._held.look()

    def _release(self) -> None:
        """Give back gradients that a step which raised has left behind."""
        for update in self._borrowers:
            update.release()

    def _check_loss_taken(self) -> None:
        needed = any(not all(part.is_absent for part in update.parts) for update in self._by_loss)
        if needed and not self._loss_taken and not self._warned:
            self._warned = True
            warnings.warn(
                "a step was taken without attachment.loss(), so the terms with update='loss' had "
                "no effect on it: add attachment.loss() to the loss before backward()",
                UserWarning,
                stacklevel=4,
            )
        self._loss_taken = False
