"""Who is penalised by what, and why not: the parts of each parameter, and the table.

Who uses this: every framework package (`assign` gives each parameter its parts), paths, audits
and reports (the table). It promises that no term is silently without effect: a term that reaches
no parameter is an error, and every parameter that has no term has its reason in the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.errors import InputError, OverlapError, UnmatchedPattern, near_names
from shrinkage.parameters import ROLES, ParameterInfo
from shrinkage.penalties import Penalty, closed_form, smooth_and_kinked
from shrinkage.selections import select
from shrinkage.terms.term import Term, Terms, as_terms, checked_update


@dataclass(frozen=True, eq=False)
class AssignedPart:
    """One elementary penalty on one parameter, its axes resolved and its update decided."""

    strength: float
    penalty: Penalty
    update: str
    reference: Any = None
    term: Term | None = None
    weight: float = 1.0  # strength is the term's strength times this


@dataclass(frozen=True)
class Row:
    """One line of the table: a parameter and the term on it, or the reason there is none."""

    parameter: str
    shape: tuple[int, ...]
    role: str
    term: str
    reason: str


@dataclass(frozen=True, eq=False)
class Assignment:
    """Which parts are on which parameter; prints as the table of who is penalised, and why."""

    infos: tuple[ParameterInfo, ...]
    terms: Terms
    parts: Mapping[str, tuple[AssignedPart, ...]]
    rows: tuple[Row, ...]

    @property
    def meetings(self) -> tuple[str, ...]:
        """Names of the parameters that two or more terms are on."""
        return tuple(
            name for name, parts in self.parts.items() if len({id(part.term) for part in parts}) > 1
        )

    def __str__(self) -> str:
        head = ("parameter", "shape", "role", "term", "reason")
        body = [
            (
                row.parameter,
                "x".join(map(str, row.shape)) or "-",
                row.role,
                row.term or "-",
                row.reason,
            )
            for row in self.rows
        ]
        widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
        lines = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in (head, *body))
        return "\n".join(lines)


def assign(
    infos: Iterable[ParameterInfo],
    terms: Term | Terms | Iterable[Term],
    update: str = "proximal",
) -> Assignment:
    """Return who is penalised by what, and the reason where nobody is.

    Args:
        infos: the parameters of a model, tied ones once.
        terms: the terms.
        update: the update of terms that name none.

    Returns:
        The `Assignment`: `parts` by name, and `rows`, the table.

    Raises:
        UnmatchedPattern: a term selects no parameter, or only frozen ones.
        InputError: a group axis or a reference array that a selected parameter does not have.
        OverlapError: terms meet on a parameter without a closed form.

    >>> from shrinkage.penalties import L1
    >>> infos = (ParameterInfo("0.weight", (3, 2)), ParameterInfo("0.bias", (3,), "bias"))
    >>> print(assign(infos, 0.1 * L1()))
    parameter  shape  role    term        reason
    0.weight   3x2    weight  0.1 * L1()  proximal
    0.bias     3      bias    -           bias: not penalised unless biases() is selected
    """
    infos, terms, update = tuple(infos), as_terms(terms), checked_update(update)
    parts: dict[str, list[AssignedPart]] = {info.name: [] for info in infos}
    frozen: set[str] = set()
    for term in terms:
        for info in _selected(term, infos):
            if info.trainable:
                parts[info.name].extend(_parts(term, info, update))
            else:
                frozen.add(info.name)
    for name, found in parts.items():
        _check_overlap(name, found)
    settled = {name: tuple(found) for name, found in parts.items()}
    rows = tuple(row for info in infos for row in _rows(info, settled[info.name], frozen))
    return Assignment(infos, terms, settled, rows)


def _selected(term: Term, infos: tuple[ParameterInfo, ...]) -> tuple[ParameterInfo, ...]:
    found = select(term.selection, infos)
    if not any(info.trainable for info in found):
        raise UnmatchedPattern(
            f"expected {term!r} to reach a parameter that trains, got only frozen ones "
            f"({', '.join(info.name for info in found[:4])}): let them train or drop the term"
        )
    return found


def _parts(term: Term, info: ParameterInfo, update: str) -> list[AssignedPart]:
    try:
        penalty = term.penalty.with_axes(info.input_axis, info.output_axis)
        if type(term.penalty).with_axes is not Penalty.with_axes:  # it depends on the layout
            penalty.value(np.zeros((1,) * len(info.shape)))  # fails on axes that are not there
    except InputError as error:
        raise InputError(f"{info.name} {info.shape}: {error}") from None
    reference = _reference(term, info)
    return [
        AssignedPart(
            term.strength * weight, elementary, term.update or update, reference, term, weight
        )
        for weight, elementary in penalty.parts()
    ]


def _reference(term: Term, info: ParameterInfo) -> Any:
    if term.reference is None:
        return None
    for name in info.names:
        if name in term.reference:
            found = term.reference[name]
            if tuple(found.shape) != info.shape:
                raise InputError(
                    f"expected a reference of shape {info.shape} for {name}, got "
                    f"{tuple(found.shape)}: take it from a model of the same shape"
                )
            return found
    hint = near_names(info.name, term.reference) or "add it, or select fewer parameters"
    raise InputError(f"expected a reference for {info.name}, got none in around(…): {hint}")


def _check_overlap(name: str, parts: list[AssignedPart]) -> None:
    """Refuse what no update can solve: kinks on one parameter without a closed form."""
    proximal = [_triple(part) for part in parts if part.update == "proximal"]
    decoupled = [_triple(part) for part in parts if part.update == "decoupled"]
    kinked = smooth_and_kinked(decoupled)[1]
    try:
        closed_form(proximal)
        closed_form(kinked)
    except OverlapError as error:
        raise OverlapError(f"{name}: {error}") from None
    if kinked and smooth_and_kinked(proximal)[1]:
        raise OverlapError(
            f"{name}: expected one update for terms with kinks, got decoupled and proximal: "
            "give both the same update"
        )


def _triple(part: AssignedPart) -> tuple[float, Penalty, Any]:
    return (part.strength, part.penalty, part.reference)


def _rows(info: ParameterInfo, parts: tuple[AssignedPart, ...], frozen: set[str]) -> Iterator[Row]:
    found = {id(part.term): part for part in parts}.values()
    words = [_term_words(part.term) for part in found if part.term is not None]
    if found:
        reason = " + ".join(part.update for part in found)
        reason += ": terms meet here" if len(found) > 1 else ""
    else:
        reason = _reason(info, frozen)
    if info.note:
        reason = f"{reason}; {info.note}"
    yield Row(info.name, info.shape, info.role, " + ".join(words), reason)
    for alias in info.aliases:
        yield Row(alias, info.shape, info.role, "", f"tied to {info.name}: the same array, once")


def _term_words(term: Term) -> str:
    about = "" if term.reference is None else " around a reference"
    return f"{term.strength:g} * {term.penalty!r}{about}"


def _reason(info: ParameterInfo, frozen: set[str]) -> str:
    if info.name in frozen or not info.trainable:
        return "frozen: not trained"
    return _DEFAULT_REASONS[info.role]


_DEFAULT_REASONS = {
    "weight": "no term selects it",
    "bias": "bias: not penalised unless biases() is selected",
    "norm": "normalization scale: not penalised unless norms() is selected",
    "embedding": "embedding: not penalised unless embeddings() is selected",
    "other": f"{ROLES['other']}: not penalised unless everything() is selected",
}
