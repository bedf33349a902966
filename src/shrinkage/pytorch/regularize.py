"""`regularize`: terms on a model's parameters, through the optimizer that trains it.

Who uses this: people, in their own training loop.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from torch import nn
from torch.optim import Optimizer

from shrinkage.audits.source_lines import SourceLine
from shrinkage.errors import InputError, OwnDecayWarning
from shrinkage.pytorch.attach import places_of
from shrinkage.pytorch.attachment import Attachment
from shrinkage.pytorch.ledger import Ledger
from shrinkage.pytorch.optimizers import OwnDecay, facts_of
from shrinkage.pytorch.parameters import describe
from shrinkage.pytorch.prox.soft import Workspace
from shrinkage.pytorch.slots import Slot, make_slot
from shrinkage.pytorch.updates import Tools
from shrinkage.terms import Term, Terms, as_terms, assign, words_of_own_decay
from shrinkage.terms.schedules import Schedule, as_schedules
from shrinkage.terms.strengths import Strengths


def regularize(
    optimizer: Optimizer,
    model: nn.Module,
    terms: Term | Terms | Iterable[Term],
    update: str = "proximal",
    *,
    freeze_zeros: bool = False,
    schedule: Schedule | Sequence[Schedule | None] | None = None,
    ledger: Ledger | None = None,
) -> Attachment:
    """Let every step of an optimizer minimize loss + Σ strength·penalty; the loop stays as it is.

    Args:
        optimizer: it holds the parameters that the terms select.
        model: gives the parameters their names and roles.
        terms: strengths times penalties on selections.
        update: how terms that name no update enter training: "proximal" (exact zeros, solves the
            penalised problem), "gradient", "decoupled" or "loss" (add `attachment.loss()`).
        freeze_zeros: whether weights that a penalty has made zero stay zero, whatever momentum
            and gradients say; it can be changed later, as `attachment.freeze_zeros`.
        schedule: a factor of the strengths by real step (0 at the first): any callable, such as
            `WarmUp(1000)` or `Cosine(10_000)`, or one (or None) for each term.
        ledger: where the record of training goes; the default keeps every 100th step in memory.

    Returns:
        The `Attachment`: `table()`, `value()`, `strengths`, `ledger`, `loss()`, `detach()`.

    Raises:
        UnmatchedPattern: a term selects no parameter.
        InputError: a selected parameter that the optimizer does not hold, terms attached twice,
            a learning rate of 0.
        UnsupportedOptimizer: an update that cannot be right with this optimizer.
        OverlapError: terms meet on a parameter without a closed form.

    >>> import torch
    >>> from shrinkage import L1
    >>> model = nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> attachment = regularize(optimizer, model, 0.5 * L1())
    >>> print(attachment.table())
    parameter  shape  role    term        reason
    weight     1x2    weight  0.5 * L1()  proximal
    bias       1      bias    -           bias: not penalised unless biases() is selected

    Source: Parikh and Boyd, Proximal algorithms (2014); for the diagonal metric, Lee, Sun and
    Saunders, SIAM J. Optim. 24 (2014); decoupled decay, Loshchilov and Hutter, ICLR 2019.
    """
    terms = as_terms(terms)
    assignment = assign((info for info, _ in describe(model)), terms, update)
    penalised = Penalised(optimizer, model, terms, update)
    slots = penalised.slots()
    strengths = {term_id: term.strength for term_id, term in terms.by_id.items()}
    attachment = Attachment(
        optimizer,
        slots,
        Strengths(strengths, terms, as_schedules(schedule, len(terms))),
        assignment=assignment,
        update=update,
        ledger=Ledger() if ledger is None else ledger,
        adopt=penalised.added,
    )
    attachment.freeze_zeros = freeze_zeros
    attachment.line = SourceLine.of_frame(sys._getframe(1), ("shrinkage",))
    _warn_of_own_decay(optimizer, slots)
    return attachment


class Penalised:
    """Who is penalised, asked anew when parameters join the optimizer."""

    def __init__(self, optimizer: Optimizer, model: nn.Module, terms: Terms, update: str) -> None:
        self._optimizer, self._model = optimizer, model
        self._terms, self._update = terms, update
        self._tools = Tools(optimizer, Workspace())

    def slots(self) -> list[Slot]:
        """Return a slot for every penalised parameter; frozen ones may join the optimizer later.

        Raises:
            InputError: a penalised parameter that trains and that the optimizer does not hold.
        """
        slots, outside = self._new([])
        if outside:
            raise InputError(
                f"expected every penalised parameter in the optimizer, got "
                f"{', '.join(outside[:5])} outside of it: build the optimizer from this model's "
                "parameters, or select others"
            )
        return slots

    def added(self, known: Sequence[Any]) -> list[Slot]:
        """Return slots of the penalised parameters that have joined the optimizer since."""
        return self._new(known)[0]

    def _new(self, known: Sequence[Any]) -> tuple[list[Slot], list[str]]:
        """Return new slots, and the names of penalised parameters that train elsewhere."""
        described = describe(self._model)
        trains = (replace(info, trainable=True) for info, _ in described)
        plans = assign(trains, self._terms, self._update).plans
        places, taken = places_of(self._optimizer), {id(parameter) for parameter in known}
        slots, outside = [], []
        for info, tensor in described:
            plan, place = plans[info.name], places.get(id(tensor))
            if not plan or id(tensor) in taken:
                continue
            if place is not None:
                slots.append(make_slot(info.name, tensor, place, plan, self._tools))
            elif info.trainable:
                outside.append(info.name)
        return slots, outside


def _warn_of_own_decay(optimizer: Optimizer, slots: Sequence[Slot]) -> None:
    if facts_of(optimizer).own_decay is OwnDecay.NONE:
        return
    groups = optimizer.param_groups
    decays = {s.target.name: groups[s.group].get("weight_decay", 0) for s in slots}
    words = words_of_own_decay(
        type(optimizer).__name__,
        {name: float(decay or 0) for name, decay in decays.items()},
        {slot.target.name: slot.plan.parts for slot in slots},
    )
    if words:
        warnings.warn(words, OwnDecayWarning, stacklevel=3)
