"""`attach`: parts on tensors of an optimizer, one model or many stacked in each tensor.

Who uses this: the path engine, whose tensors have no names; people use `regularize`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch.optim import Optimizer

from shrinkage.errors import InputError
from shrinkage.pytorch.attachment import Attachment
from shrinkage.pytorch.held import places_of
from shrinkage.pytorch.loss import as_reference
from shrinkage.pytorch.prox.soft import Workspace
from shrinkage.pytorch.slots import Slot
from shrinkage.pytorch.updates import Target, Tools
from shrinkage.terms import Part, StepPlan, checked_strength, checked_update


def attach(
    optimizer: Optimizer,
    assignments: Mapping[torch.Tensor, Iterable[Part]],
    *,
    stacked: int = 0,
) -> Attachment:
    """Attach parts to tensors of an optimizer, one model or many stacked in each tensor.

    Args:
        optimizer: the optimizer that holds the tensors.
        assignments: parameter → parts, each with its own update. A strength is a number or a
            tensor of shape parameter.shape[:stacked]; a reference has the shape of the parameter,
            or of one model in it. Parts with the same `term` share a strength; a part without one
            is a term of its own.
        stacked: how many leading axes of every tensor run over models.

    Returns:
        The `Attachment`.

    Raises:
        InputError: a tensor that the optimizer does not hold, a bad strength or update.
        UnsupportedOptimizer: an update that cannot be right with this optimizer.
        OverlapError: parts without a closed form.

    >>> from shrinkage.penalties import L1
    >>> w = torch.nn.Parameter(torch.tensor([[1.0, -0.05], [1.0, -0.05]]))
    >>> optimizer = torch.optim.SGD([w], lr=0.1)
    >>> _ = attach(optimizer, {w: [Part(torch.tensor([0.0, 1.0]), L1())]}, stacked=1)
    >>> w.grad = torch.zeros_like(w)
    >>> optimizer.step()
    >>> w.data
    tensor([[ 1.0000, -0.0500],
            [ 0.9000,  0.0000]])
    """
    tools = Tools(optimizer, Workspace())
    places = places_of(optimizer)
    strengths: dict[str, Any] = {}
    slots = []
    for index, (parameter, parts) in enumerate(assignments.items()):
        if id(parameter) not in places:
            raise InputError(
                f"expected parameters of the optimizer, got number {index} of shape "
                f"{tuple(parameter.shape)} that it does not hold: add it to the optimizer"
            )
        target = Target(str(index), parameter, stacked)
        settled = [own for part in parts for own in _settled(part, target, strengths)]
        slots.append(Slot(target, places[id(parameter)], StepPlan.of(settled), tools))
    return Attachment(optimizer, slots, strengths)


def _settled(part: Part, target: Target, strengths: dict[str, Any]) -> Iterable[Part]:
    """Return the elementary parts of a part, and note the strength of its term."""
    checked_update(part.update)
    strength = _strength(part.strength, target)
    of_term = strength if part.share == 1 else strength / part.share
    term = part.term or _new_id(repr(part.penalty), strengths)
    if not _close(strengths.setdefault(term, of_term), of_term):
        raise InputError(
            f"expected one strength for all parts of the term {term!r}, got "
            f"{strengths[term]} and {of_term}: give the parts different terms"
        )
    settled = replace(
        part, strength=strength, term=term, reference=_reference(part.reference, target)
    )
    for own in settled.elementary():
        yield replace(own, penalty=own.penalty.at(own.strength))


def _new_id(text: str, taken: Mapping[str, Any]) -> str:
    number, new = 1, text
    while new in taken:
        number += 1
        new = f"{text} ({number})"
    return new


def _close(first: Any, second: Any) -> bool:
    pair = (torch.as_tensor(strength, dtype=torch.float64) for strength in (first, second))
    return torch.allclose(*pair, rtol=1e-12, atol=0)


def _strength(strength: Any, target: Target) -> Any:
    """Return a number, or one number per model as float64 on the CPU."""
    if not isinstance(strength, torch.Tensor):
        return checked_strength(strength)
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
    own = as_reference(reference, target.parameter)
    if own is None or not target.stacked:
        return own
    return own.expand(target.parameter.shape).flatten(0, target.stacked - 1)
