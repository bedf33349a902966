"""What a loop is meant to do to every parameter.

Who uses this: the neutral audit and that of PyTorch, before they measure. It is read off the
assignment of the terms, which a framework's `regularize` reads too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from shrinkage.audits.judging.causes import Sizes
from shrinkage.audits.measuring import MECHANISMS, Expectation
from shrinkage.audits.measuring.fits import dot
from shrinkage.audits.measuring.pair import as_float64
from shrinkage.errors import InputError
from shrinkage.terms import Assignment, Part, Terms

_MECHANISMS = {update: update for update in MECHANISMS} | {"loss": "gradient"}


@dataclass(frozen=True, eq=False)
class Intended:
    """The expectation on a parameter, the mechanisms that would be right, its terms as text."""

    expectation: Expectation
    allowed: tuple[str, ...]
    words: str

    @property
    def is_set(self) -> bool:
        """Whether all that is intended are constraints, which push no gradient."""
        parts = self.expectation.parts
        return bool(parts) and not any(part.penalty.finite for part in parts)


def usual_update(terms: Terms) -> str:
    """Return the update by which terms are read where any would do: a constraint has a prox."""
    penalties = (part for term in terms for _, part in term.penalty.parts())
    return "gradient" if all(penalty.finite for penalty in penalties) else "proximal"


def divided(
    intended: Mapping[str, Intended],
    scale: float,
    weights: Callable[[str, Intended], tuple[Any, Any]],
) -> Mapping[str, Intended]:
    """Return what is intended where parameters share a set: each with its part of it.

    Args:
        intended: of all parameters.
        scale: by how much the strengths are multiplied.
        weights: of a parameter, where the data's gradient has brought it, and the step.
    """
    sharing: dict[str, list[str]] = {}
    for name, meant in intended.items():
        for part in meant.expectation.parts:
            if part.penalty.is_shared:
                sharing.setdefault(part.term, []).append(name)
    found = dict(intended)
    for term, names in sharing.items():
        pairs = [weights(name, found[name]) for name in names]
        parts = [found[name].expectation.part_of(term) for name in names]
        arrays = [part.about(as_float64(w)) for part, (w, _) in zip(parts, pairs, strict=True)]
        penalty = parts[0].at(parts[0].strength / parts[0].share * scale).penalty
        each = penalty.shared(arrays, [as_float64(step) for _, step in pairs])
        for name, own in zip(names, each, strict=True):
            expectation = found[name].expectation.sharing(term, own)
            found[name] = replace(found[name], expectation=expectation)
    return found


def intended_by(assignment: Assignment, update: str | None) -> dict[str, Intended]:
    """Return what is intended, by the parameter's name.

    Args:
        assignment: of the terms.
        update: of the terms that name none; None leaves every mechanism open.
    """
    return {name: _intended(assignment, name, update) for name in assignment.plans}


def _intended(assignment: Assignment, name: str, update: str | None) -> Intended:
    return intended_of(assignment.plans[name].parts, assignment.terms, update)


def intended_of(parts: Sequence[Part], of: Terms, update: str | None) -> Intended:
    """Return what parts of terms are to do on one parameter.

    Args:
        parts: on it.
        of: the terms that have them.
        update: of the terms that name none.
    """
    terms = [of.by_id[term] for term in dict.fromkeys(part.term for part in parts)]
    updates = {term.update or update for term in terms}
    allowed = tuple(_MECHANISMS[named] for named in updates if named) or MECHANISMS
    expectation = Expectation.of(parts)
    words = " + ".join(f"{term.strength:g} * {term.penalty!r}" for term in terms)
    return Intended(expectation, allowed, words if expectation.parts else "")


def sizes_in(intended: Mapping[str, Intended], arrays: Mapping[str, Any]) -> Callable[[str], Sizes]:
    """Return a function of a parameter's name that says how large its weights are.

    Args:
        intended: of all parameters.
        arrays: their weights, by name.
    """
    names = [name for name, meant in intended.items() if meant.expectation.parts]
    total = sum(math.prod(arrays[name].shape) for name in names)

    @cache
    def norm(name: str) -> float:
        w = as_float64(arrays[name])
        return math.sqrt(dot(w, w))

    def sizes(name: str) -> Sizes:
        parts = intended[name].expectation.parts
        norms: tuple[float, ...] = ()
        if all(part.penalty.smooth and part.reference is None for part in parts):
            norms = (norm(name), math.hypot(*map(norm, names)))
        shape = tuple(arrays[name].shape)
        within = [part.penalty.coupled_axes(len(shape)) for part in parts]
        group = math.prod(shape[axis] for axis in within[0]) if len(parts) == 1 else 1
        return Sizes((math.prod(shape), total), tuple(filter(None, norms)), group)

    return sizes


def check_strengths(terms: Terms) -> None:
    """Refuse terms that have nothing to show."""
    if not any(term.strength > 0 for term in terms):
        raise InputError(
            "expected a strength above 0, got strengths of 0 only: there is nothing to look for"
        )
