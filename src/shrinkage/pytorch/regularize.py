"""`regularize`: terms on a model's parameters, through the optimizer that trains it.

Who uses this: people, in their own training loop.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from shrinkage.errors import InputError
from shrinkage.pytorch.attach import places_of
from shrinkage.pytorch.attachment import Attachment
from shrinkage.pytorch.ledger import Ledger
from shrinkage.pytorch.loss import as_reference
from shrinkage.pytorch.optimizers import OwnDecay, facts_of
from shrinkage.pytorch.parameters import describe
from shrinkage.pytorch.prox.soft import Scratch
from shrinkage.pytorch.schedules import Schedule, as_schedules
from shrinkage.pytorch.slots import Share, Slot, cut, make_target
from shrinkage.pytorch.updates import Tools
from shrinkage.terms import Part, Term, Terms, as_terms, assign, words_of_own_decay


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
    roster = Roster(optimizer, model, terms, update)
    slots = roster.slots()
    schedules = as_schedules(schedule, len(terms))
    strengths = [term.strength for term in terms]
    attachment = Attachment(optimizer, slots, [repr(term) for term in terms], strengths)
    attachment.configure(
        assignment=assignment,
        update=update,
        schedules=schedules,
        ledger=Ledger() if ledger is None else ledger,
        adopt=roster.added,
    )
    attachment.freeze_zeros = freeze_zeros
    _warn_of_own_decay(optimizer, slots, strengths)
    return attachment


class Roster:
    """Who is penalised, asked anew when parameters join the optimizer."""

    def __init__(self, optimizer: Optimizer, model: nn.Module, terms: Terms, update: str) -> None:
        self._optimizer, self._model = optimizer, model
        self._terms, self._update = terms, update
        self._tools = Tools(optimizer, Scratch())
        self._numbers = {name: number for number, name in enumerate(terms.ids)}

    def slots(self) -> list[Slot]:
        """Return a slot for every penalised parameter; frozen ones may join the optimizer later.

        Raises:
            InputError: a penalised parameter that trains and that the optimizer does not hold.
        """
        found, outside = self._found([])
        if outside:
            raise InputError(
                f"expected every penalised parameter in the optimizer, got "
                f"{', '.join(outside[:5])} outside of it: build the optimizer from this model's "
                "parameters, or select others"
            )
        return found

    def added(self, known: Sequence[Any]) -> list[Slot]:
        """Return slots of the penalised parameters that have joined the optimizer since."""
        return self._found(known)[0]

    def _found(self, known: Sequence[Any]) -> tuple[list[Slot], list[str]]:
        """Return new slots, and the names of penalised parameters that train elsewhere."""
        described = describe(self._model)
        trains = (replace(info, trainable=True) for info, _ in described)
        parts = assign(trains, self._terms, self._update).parts
        places, taken = places_of(self._optimizer), {id(parameter) for parameter in known}
        slots, outside = [], []
        for info, tensor in described:
            if not parts[info.name] or id(tensor) in taken:
                continue
            if id(tensor) in places:
                slots.append(self._slot(info.name, tensor, places[id(tensor)], parts[info.name]))
            elif info.trainable:
                outside.append(info.name)
        return slots, outside

    def _slot(self, name: str, tensor: torch.Tensor, group: int, parts: Sequence[Part]) -> Slot:
        shares = [self._share(part) for part in parts]
        target = make_target(name, tensor, shares)
        references: dict[int, torch.Tensor | None] = {}  # one copy for all parts of a parameter
        for share in shares:
            given = share.reference
            if id(given) not in references:
                references[id(given)] = cut(as_reference(given, tensor), target)
        held = [replace(share, reference=references[id(share.reference)]) for share in shares]
        strengths = [term.strength for term in self._terms]
        return Slot(target, group, held, strengths, self._tools)

    def _share(self, part: Part) -> Share:
        number = self._numbers[part.term]
        return Share(number, part.update, part.penalty, part.share, part.reference)


def _warn_of_own_decay(
    optimizer: Optimizer, slots: Sequence[Slot], strengths: Sequence[Any]
) -> None:
    words = words_of_own_decay(
        type(optimizer).__name__,
        {slot.target.name: _own_decay(optimizer, slot) for slot in slots},
        {slot.target.name: [s.part(strengths) for s in slot.shares] for slot in slots},
    )
    if words:
        warnings.warn(words, UserWarning, stacklevel=3)


def _own_decay(optimizer: Optimizer, slot: Slot) -> float:
    if facts_of(optimizer).own_decay is OwnDecay.NONE:
        return 0.0
    return float(optimizer.param_groups[slot.group].get("weight_decay", 0) or 0)
