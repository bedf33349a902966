"""`regularize`: terms on a model's parameters, through the optimizer that trains it.

Who uses this: people, in their own training loop.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

from torch import nn
from torch.optim import Optimizer

from shrinkage.errors import InputError
from shrinkage.pytorch.attachment import Attachment, Slot, make_slot
from shrinkage.pytorch.loss import as_part
from shrinkage.pytorch.parameters import describe
from shrinkage.pytorch.threshold import Scratch
from shrinkage.pytorch.updates import Target, Tools
from shrinkage.terms import Term, Terms, assign


def regularize(
    optimizer: Optimizer,
    model: nn.Module,
    terms: Term | Terms | Iterable[Term],
    update: str = "proximal",
) -> Attachment:
    """Let every step of an optimizer minimize loss + Σ strength·penalty; the loop stays as it is.

    Args:
        optimizer: it holds the parameters that the terms select.
        model: gives the parameters their names and roles.
        terms: strengths times penalties on selections.
        update: how terms that name no update enter training: "proximal" (exact zeros, solves the
            penalised problem), "gradient", "decoupled" or "loss" (add `attachment.loss()`).

    Returns:
        The `Attachment`: `table()`, `value()`, `strengths`, `loss()`, `detach()`.

    Raises:
        UnmatchedPattern: a term selects no parameter.
        InputError: a selected parameter that the optimizer does not hold, terms attached twice.
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
    described = describe(model)
    assignment = assign((info for info, _ in described), terms, update)
    places = {
        id(parameter): index
        for index, group in enumerate(optimizer.param_groups)
        for parameter in group["params"]
    }
    penalised = [(info, tensor) for info, tensor in described if assignment.parts[info.name]]
    missing = [info.name for info, tensor in penalised if id(tensor) not in places]
    if missing:
        raise InputError(
            f"expected every penalised parameter in the optimizer, came {', '.join(missing[:5])} "
            "outside of it: build the optimizer from this model's parameters, or select others"
        )
    tools = Tools(optimizer, Scratch())
    slots = []
    for info, tensor in penalised:
        given = [
            (repr(part.term), part.update, as_part(part, tensor))
            for part in assignment.parts[info.name]
        ]
        target = Target(info.name, tensor)
        slots.append(make_slot(target, places[id(tensor)], given, tools))
    attachment = Attachment(optimizer, slots, assignment)
    _warn_of_own_decay(optimizer, slots)
    return attachment


def _warn_of_own_decay(optimizer: Optimizer, slots: Sequence[Slot]) -> None:
    """Say so where the optimizer decays a parameter by itself beside the terms."""
    decays = {slot.target.name: _own_decay(optimizer, slot) for slot in slots}
    both = [name for name, decay in decays.items() if decay != 0]
    if both:
        kind = type(optimizer).__name__
        warnings.warn(
            f"{kind} has its own weight_decay={decays[both[0]]:g} on {len(both)} parameters that "
            f"also have terms ({', '.join(both[:3])}{', …' if len(both) > 3 else ''}), so they "
            f"are penalised twice: build it with {kind}(…, weight_decay=0), or drop the L2 term",
            UserWarning,
            stacklevel=3,
        )


def _own_decay(optimizer: Optimizer, slot: Slot) -> float:
    return float(optimizer.param_groups[slot.group].get("weight_decay", 0) or 0)
