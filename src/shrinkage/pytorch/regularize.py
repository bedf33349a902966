"""`regularize`: terms on a model's parameters, through the optimizer that trains it.

Who uses this: people, in their own training loop.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, overload

from torch import nn
from torch.optim import Optimizer

from shrinkage.audits.source_lines import SourceLine
from shrinkage.errors import InputError, OwnDecayWarning
from shrinkage.pytorch.attachment import Attachment
from shrinkage.pytorch.joint import JointAttachment
from shrinkage.pytorch.ledger import Ledger
from shrinkage.pytorch.optimizers import OwnDecay, facts_of
from shrinkage.pytorch.optimizers.averages import check_one_point
from shrinkage.pytorch.optimizers.wrappers import layers_of_optimizer
from shrinkage.pytorch.penalised import Penalised
from shrinkage.pytorch.slots import Slot
from shrinkage.terms import Term, Terms, as_terms, words_of_own_decay
from shrinkage.terms.schedules import Schedule, as_schedules
from shrinkage.terms.strengths import Strengths

Several = Sequence[Optimizer] | Mapping[Any, Optimizer]


@overload
def regularize(
    optimizer: Optimizer,
    model: nn.Module,
    terms: Term | Terms | Iterable[Term],
    update: str = "proximal",
    *,
    freeze_zeros: bool = False,
    schedule: Schedule | Sequence[Schedule | None] | None = None,
    ledger: Ledger | None = None,
) -> Attachment: ...
@overload
def regularize(
    optimizer: Several,
    model: nn.Module,
    terms: Term | Terms | Iterable[Term],
    update: str = "proximal",
    *,
    freeze_zeros: bool = False,
    schedule: Schedule | Sequence[Schedule | None] | None = None,
    ledger: Ledger | None = None,
) -> JointAttachment: ...
def regularize(
    optimizer: Optimizer | Several,
    model: nn.Module,
    terms: Term | Terms | Iterable[Term],
    update: str = "proximal",
    *,
    freeze_zeros: bool = False,
    schedule: Schedule | Sequence[Schedule | None] | None = None,
    ledger: Ledger | None = None,
) -> Attachment | JointAttachment:
    """Let every step of an optimizer minimize loss + Σ strength·penalty; the loop stays as it is.

    Args:
        optimizer: it holds the parameters that the terms select: one of torch, a wrapper such as
            Accelerate's, or a list or dict of several, as of a GAN, or of Muon beside AdamW; each
            parameter is then a matter of the one that holds it.
        model: gives the parameters their names and roles.
        terms: strengths times penalties on selections.
        update: how terms that name no update enter training: "proximal" (exact zeros, solves the
            penalised problem), "gradient", "decoupled" or "loss" (add `attachment.loss()`); for
            L2 also "corrected" and "cautious", two rules of decoupled decay.
        freeze_zeros: whether weights that a penalty has made zero stay zero, whatever momentum
            and gradients say; it can be changed later, as `attachment.freeze_zeros`.
        schedule: a factor of the strengths by real step (0 at the first): any callable, such as
            `WarmUp(1000)` or `Cosine(10_000)`, or one (or None) for each term.
        ledger: where the record of training goes; the default keeps every 100th step in memory.

    Returns:
        The `Attachment`: `table()`, `value()`, `strengths`, `ledger`, `loss()`, `detach()`; of
        several optimizers a `JointAttachment` with the same.

    Raises:
        UnmatchedPattern: a term selects no parameter.
        InputError: a selected parameter that no optimizer holds, or two do; terms attached twice,
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
    terms, layers = as_terms(terms), _by_name(optimizer)
    optimizers = {name: own[-1] for name, own in layers.items()}
    penalised = Penalised(optimizers, model, terms, update)
    penalised.assignment()  # an unmatched pattern, or terms that cannot meet, before all else
    for name, own in layers.items():
        check_one_point(own, penalised.updates(name))  # before another refusal advises decoupled
    slots = penalised.slots()
    _check_shared_alone(slots)
    ledger = Ledger() if ledger is None else ledger
    strengths = {term_id: term.strength for term_id, term in terms.by_id.items()}
    line = SourceLine.of_frame(sys._getframe(1), ("shrinkage",))
    made: dict[str, Attachment] = {}
    try:
        for name, own in optimizers.items():
            made[name] = Attachment(
                own,
                slots[name],
                Strengths(strengths, terms, as_schedules(schedule, len(terms))),
                assignment=penalised.assignment,
                update=update,
                ledger=ledger,
                follow=partial(penalised.as_things_stand, name),
            )
            made[name].freeze_zeros = freeze_zeros
            made[name].line = line
    except BaseException:
        for attachment in made.values():
            attachment.detach()
        raise
    for name, own in optimizers.items():
        _warn_of_own_decay(own, slots[name])
    return JointAttachment(made) if _are_several(optimizer) else next(iter(made.values()))


def _check_shared_alone(slots: Mapping[str, Sequence[Slot]]) -> None:
    """Refuse a set that the parameters of several optimizers would share."""
    holders: dict[str, set[str]] = {}
    for name, own in slots.items():
        for part in (part for slot in own for part in slot.plan.parts if part.penalty.is_shared):
            holders.setdefault(part.term, set()).add(name)
            if len(holders[part.term]) > 1:
                raise InputError(
                    f"expected the parameters of {part.penalty!r} in one optimizer, got them in "
                    f"{' and '.join(sorted(holders[part.term]))}, which step one after the other: "
                    "give each a term of its own, on its own parameters"
                )


def _are_several(optimizer: Any) -> bool:
    return isinstance(optimizer, list | tuple | Mapping)


def _by_name(optimizer: Any) -> dict[str, tuple[Any, ...]]:
    """Return the optimizers with what they wrap, by key or number where several came."""
    if not _are_several(optimizer):
        return {"": layers_of_optimizer(optimizer)}
    named = optimizer if isinstance(optimizer, Mapping) else dict(enumerate(optimizer))
    if not named:
        raise InputError("expected at least one optimizer, got none: give those that train")
    names = (key if isinstance(key, str | int) else n for n, key in enumerate(named))
    return {
        str(name): layers_of_optimizer(own) for name, own in zip(names, named.values(), strict=True)
    }


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
