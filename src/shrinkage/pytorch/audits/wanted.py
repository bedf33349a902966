"""Which terms a loop is meant to have, where the caller does not say: from optimizer and hooks.

Who uses this: `audit`. A `weight_decay` above 0 is an L2 term on the parameters of its group, and
terms that `regularize` has attached are themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from shrinkage.audits.decays import MeasuredDecay
from shrinkage.audits.findings import Finding, finding
from shrinkage.errors import InputError
from shrinkage.parameters import ParameterInfo
from shrinkage.penalties import L2
from shrinkage.pytorch.attachment import Attachment
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.optimizers import OwnDecay
from shrinkage.selections import Selection, weights
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


UPDATES = {OwnDecay.COUPLED: "gradient", OwnDecay.DECOUPLED: "decoupled"}


def wanted_terms(twin: Twin, thawed: Set[str], decays: Mapping[str, MeasuredDecay]) -> Terms:
    """Return the terms that the optimizer and what is attached to it stand for.

    Args:
        twin: the copy.
        thawed: names of frozen parameters that the step itself lets train.
        decays: what the optimizer does with its own decay, as far as that was measured.

    Raises:
        InputError: there are none.
    """
    own = _of_decay(twin, thawed, _spared(twin, decays))
    terms = (*_of_attachment(twin.their_attachment), *own)
    if not terms:
        decayed = [name for name in twin.parameters if twin.decay_of(name) > 0]
        got = f"weight_decay on frozen parameters only ({decayed[0]}, …)" if decayed else "none"
        raise InputError(
            "expected terms, or weight_decay in the optimizer, or terms attached by regularize, "
            f"got {got}: give terms=…, what the loop is meant to have"
        )
    return Terms(terms)


def on_no_parameter(twin: Twin) -> list[Finding]:
    """Return that a weight decay is in groups that hold nothing of the model, where all are.

    Args:
        twin: the copy.
    """
    decayed = [place for place, decay in enumerate(twin.decays_of_groups) if decay > 0]
    if not decayed or _of_attachment(twin.their_attachment):
        return []
    if any(twin.decay_of(name) > 0 for name in twin.parameters):
        return []
    groups = twin.their_optimizer.param_groups
    counts = [len(groups[place]["params"]) if place < len(groups) else 0 for place in decayed]
    named = " and ".join(
        f"weight_decay={twin.decays_of_groups[place]:g} of parameter group {place} "
        + ("(which is empty)" if not count else f"({count} of other parameters)")
        for place, count in zip(decayed, counts, strict=True)
    )
    message = f"no parameter of the model is in a group with a decay: {named} reaches none"
    remedy = "put this model's weights into that group when you build the optimizer"
    return [finding("no-effect", "", message, remedy)]


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


def _spared(twin: Twin, decays: Mapping[str, MeasuredDecay]) -> frozenset[str]:
    """Return the biases and norms that the optimizer does not decay, where it decays weights.

    So do LARS and LAMB, as many write them: what has one axis is left out in the step itself.
    """
    still = {name for name, said in decays.items() if said.rule is OwnDecay.NONE}
    chosen = weights()
    left_out = {info.name for info in twin.infos if info.name in still and not chosen(info)}
    return frozenset(left_out if still == left_out < decays.keys() else ())


def _of_decay(twin: Twin, thawed: Set[str], spared: Set[str]) -> list[Term]:
    """Return L2 terms: by the update that is known of the optimizer, else by whichever it is."""
    names: dict[tuple[float, str | None], list[str]] = {}
    for name, parameter in twin.parameters.items():
        decay = twin.decay_of(name)
        trains = parameter.requires_grad or name in thawed
        if decay > 0 and trains and name not in spared:
            update = UPDATES.get(twin.known_decay_of(name))
            names.setdefault((decay, update), []).append(name)
    return [
        Term(decay, L2(), Exactly(tuple(inside)), update)
        for (decay, update), inside in names.items()
    ]
