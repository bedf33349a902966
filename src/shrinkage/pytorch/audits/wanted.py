"""Which terms a loop is meant to have, where the caller does not say: from optimizer and hooks.

Who uses this: `audit`. A `weight_decay` above 0 is an L2 term on the parameters of its group, and
terms that `regularize` has attached are themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch.optim import Optimizer

from shrinkage.errors import InputError
from shrinkage.parameters import ParameterInfo
from shrinkage.penalties import L2
from shrinkage.pytorch.attachment import Attachment
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.selections import Selection
from shrinkage.terms import Term, Terms


@dataclass(frozen=True, repr=False)
class Exactly(Selection):
    """The parameters of these names, whatever their role."""

    names: tuple[str, ...]
    names_role = True

    def __call__(self, info: ParameterInfo) -> bool:
        return info.name in self.names

    def __repr__(self) -> str:
        more = ", …" if len(self.names) > 2 else ""
        return f"Exactly({', '.join(self.names[:2])}{more})"


def wanted_terms(twin: Twin, optimizer: Optimizer) -> Terms:
    """Return the terms that the optimizer and what is attached to it stand for.

    Raises:
        InputError: there are none.
    """
    found = [*_of_attachment(twin.given_attachment), *_of_decay(twin, optimizer)]
    if not found:
        raise InputError(
            "expected terms, or weight_decay in the optimizer, or terms attached by regularize, "
            "got none: give terms=…, what the loop is meant to have"
        )
    return Terms(tuple(found))


def _of_attachment(attachment: Attachment | None) -> list[Term]:
    if attachment is None or attachment.assignment is None:
        return []
    now = attachment.given_strengths
    return [
        Term(
            float(now[number]),
            term.penalty,
            term.selection,
            term.update or attachment.update,
            term.reference,
        )
        for number, term in enumerate(attachment.assignment.terms)
    ]


def _of_decay(twin: Twin, optimizer: Optimizer) -> list[Term]:
    names = {id(tensor): info.name for info, tensor in twin.described}
    found: dict[float, list[str]] = {}
    for group in optimizer.param_groups:
        decay = float(group.get("weight_decay", 0) or 0)
        inside = [names[id(p)] for p in group["params"] if id(p) in names and p.requires_grad]
        if decay > 0 and inside:
            found.setdefault(decay, []).extend(inside)
    return [Term(decay, L2(), Exactly(tuple(inside))) for decay, inside in found.items()]
