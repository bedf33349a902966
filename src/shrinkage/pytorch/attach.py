"""`attach`: parts on tensors of an optimizer, one model or many stacked in each tensor.

Who uses this: the path engine, whose tensors have no names; people use `regularize`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from shrinkage.errors import InputError
from shrinkage.pytorch.attachment import Attachment
from shrinkage.pytorch.loss import as_reference
from shrinkage.pytorch.prox.soft import Scratch
from shrinkage.pytorch.slots import Share, Slot
from shrinkage.pytorch.updates import Target, Tools
from shrinkage.terms import Part, checked_update


def attach(
    optimizer: Optimizer,
    assignments: Mapping[torch.Tensor, Iterable[Any]],
    *,
    stacked: int = 0,
    update: str = "proximal",
) -> Attachment:
    """Attach parts to tensors of an optimizer, one model or many stacked in each tensor.

    Args:
        optimizer: the optimizer that holds the tensors.
        assignments: parameter → parts. A part is an object with strength, penalty, reference and
            update (as `shrinkage.terms.Part`) or a tuple (strength, penalty),
            (strength, penalty, reference) or (strength, penalty, reference, update). A strength
            is a number or a tensor of shape parameter.shape[:stacked]; a reference has the shape
            of the parameter, or of one model in it.
        stacked: how many leading axes of every tensor run over models.
        update: of parts that name none.

    Returns:
        The `Attachment`.

    Raises:
        InputError: a tensor that the optimizer does not hold, a bad strength or update.
        UnsupportedOptimizer: an update that cannot be right with this optimizer.
        OverlapError: parts without a closed form.

    >>> from shrinkage.penalties import L1
    >>> w = torch.nn.Parameter(torch.tensor([[1.0, -0.05], [1.0, -0.05]]))
    >>> optimizer = torch.optim.SGD([w], lr=0.1)
    >>> _ = attach(optimizer, {w: [(torch.tensor([0.0, 1.0]), L1())]}, stacked=1)
    >>> w.grad = torch.zeros_like(w)
    >>> optimizer.step()
    >>> w.data
    tensor([[ 1.0000, -0.0500],
            [ 0.9000,  0.0000]])
    """
    checked_update(update)
    tools = Tools(optimizer, Scratch())
    places = places_of(optimizer)
    terms: list[str] = []
    strengths: list[Any] = []
    slots = []
    for index, (parameter, parts) in enumerate(assignments.items()):
        if id(parameter) not in places:
            raise InputError(
                f"expected parameters of the optimizer, got number {index} of shape "
                f"{tuple(parameter.shape)} that it does not hold: add it to the optimizer"
            )
        target = Target(str(index), parameter, stacked)
        shares: list[Share] = []
        for part in parts:
            strength, penalty, reference, own = _fields(part)
            shares += [
                Share(len(terms), own or update, piece.penalty, piece.strength, reference)
                for reference in [_reference(reference, target)]
                for piece in Part(1.0, penalty).elementary()
            ]
            checked_update(own or update)
            terms.append(repr(penalty))
            strengths.append(_strength(strength, target))
        slots.append(Slot(target, places[id(parameter)], shares, strengths, tools))
    return Attachment(optimizer, slots, terms, strengths)


def places_of(optimizer: Optimizer) -> dict[int, int]:
    """Return the index of the parameter group of every parameter, by its id."""
    return {
        id(parameter): index
        for index, group in enumerate(optimizer.param_groups)
        for parameter in group["params"]
    }


def _fields(part: Any) -> tuple[Any, Any, Any, str | None]:
    if isinstance(part, tuple):
        strength, penalty, *rest = part
        reference, own = (*rest, None, None)[:2]
        return strength, penalty, reference, own
    return part.strength, part.penalty, part.reference, getattr(part, "update", None)


def _strength(strength: Any, target: Target) -> Any:
    """Return a number, or one number per model as float64 on the CPU."""
    if not isinstance(strength, torch.Tensor):
        return strength
    models = tuple(target.parameter.shape[: target.stacked])
    if tuple(strength.shape) != models:
        raise InputError(
            f"expected one strength per model, of shape {models}, got "
            f"{tuple(strength.shape)}: give a number or a tensor of that shape"
        )
    if not bool(((strength >= 0) & torch.isfinite(strength)).all()):
        raise InputError(
            f"expected finite strengths of at least 0, got {strength.tolist()}: correct them"
        )
    return strength.detach().to("cpu", torch.float64).flatten() if models else float(strength)


def _reference(reference: Any, target: Target) -> torch.Tensor | None:
    """Return a reference with one model axis where the target has models."""
    found = as_reference(reference, target.parameter)
    if found is None or not target.stacked:
        return found
    return found.expand(target.parameter.shape).flatten(0, target.stacked - 1)
