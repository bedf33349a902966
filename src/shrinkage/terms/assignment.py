"""Who is penalised by what, and why not: the parts of each parameter, and the table.

Who uses this: every framework package (`assign` gives each parameter its parts), paths, audits
and reports (the table). It promises that no term is silently without effect: a term that reaches
no parameter is an error, and every parameter that has no term has its reason in the table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shrinkage.errors import (
    InputError,
    OverlapError,
    UnmatchedPattern,
    UnsupportedOptimizer,
    near_names,
)
from shrinkage.parameters import ROLES, ParameterInfo
from shrinkage.penalties import NO_METRIC, OnSomeUnits, Penalty, Units
from shrinkage.selections import select
from shrinkage.terms.part import Part
from shrinkage.terms.step_plan import StepPlan
from shrinkage.terms.term import UPDATES, Term, Terms, as_terms, checked_update


@dataclass(frozen=True)
class AssignmentRow:
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
    plans: Mapping[str, StepPlan]
    rows: tuple[AssignmentRow, ...]

    @property
    def parts(self) -> Mapping[str, tuple[Part, ...]]:
        """The parts of each parameter, by its name."""
        return {name: plan.parts for name, plan in self.plans.items()}

    @property
    def meetings(self) -> tuple[str, ...]:
        """Names of the parameters that two or more terms are on."""
        return tuple(
            name for name, parts in self.parts.items() if len({part.term for part in parts}) > 1
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
    *,
    allowed: Collection[str] = UPDATES,
) -> Assignment:
    """Return who is penalised by what, and the reason where nobody is.

    Args:
        infos: the parameters of a model, tied ones once.
        terms: the terms.
        update: the update of terms that name none.
        allowed: the updates that the caller carries out.

    Returns:
        The `Assignment`: `plans` by name, and `rows`, the table.

    Raises:
        UnmatchedPattern: a term selects no parameter, or only frozen ones.
        InputError: a group axis or a reference array that a selected parameter does not have, or
            an update that is not carried out here.
        OverlapError: terms meet on a parameter without a closed form.

    >>> from shrinkage.penalties import L1
    >>> infos = (ParameterInfo("0.weight", (3, 2)), ParameterInfo("0.bias", (3,), "bias"))
    >>> print(assign(infos, 0.1 * L1()))
    parameter  shape  role    term        reason
    0.weight   3x2    weight  0.1 * L1()  proximal
    0.bias     3      bias    -           bias: not penalised unless biases() is selected
    """
    infos, terms, update = tuple(infos), as_terms(terms), checked_update(update)
    parts: dict[str, list[Part]] = {info.name: [] for info in infos}
    frozen: set[str] = set()
    for term_id, term in terms.by_id.items():
        _check_allowed(term.update or update, allowed)
        for info in _selected(term, infos):
            if info.trainable:
                parts[info.name].extend(_parts(term_id, term, info, update))
            else:
                frozen.add(info.name)
        _check_surplus(term, term_id, infos, parts)
    plans = {name: _plan(name, on_it) for name, on_it in parts.items()}
    rows = tuple(row for info in infos for row in _rows(info, plans[info.name], terms, frozen))
    return Assignment(infos, terms, plans, rows)


def _check_allowed(update: str, allowed: Collection[str]) -> None:
    if update not in allowed:
        raise InputError(
            f"expected an update of {', '.join(allowed)} here, got {update!r}: use update="
            "'decoupled', or shrinkage.pytorch.regularize, which has it"
        )


def _check_surplus(
    term: Term, term_id: str, infos: Iterable[ParameterInfo], parts: Mapping[str, Sequence[Part]]
) -> None:
    """Refuse a term that keeps more than any of its parameters has; one with fewer keeps all."""
    each = {
        info.name: part.penalty.surplus(info.shape)
        for info in infos
        for part in parts[info.name]
        if part.term == term_id
    }
    if each and all(each.values()):
        found = ", ".join(f"{said} in {name}" for name, said in list(each.items())[:4])
        raise InputError(
            f"expected {term!r} to keep fewer than some layer has, got {found}: keep fewer"
        )


def _selected(term: Term, infos: tuple[ParameterInfo, ...]) -> tuple[ParameterInfo, ...]:
    selected = select(term.selection, infos)
    if not any(info.trainable for info in selected):
        raise UnmatchedPattern(
            f"expected {term!r} to reach a parameter that trains, got only frozen ones "
            f"({', '.join(info.name for info in selected[:4])}): let them train or drop the term"
        )
    return selected


def refuse_one_step(penalties: Iterable[Penalty], optimizer: str) -> None:
    """Refuse penalties whose prox takes one step for all weights, of an optimizer that adapts.

    Args:
        penalties: those that the metric of the optimizer is for.
        optimizer: its name, for the message.

    Raises:
        UnsupportedOptimizer: with the reason and what works instead.
    """
    for penalty in penalties:
        if not penalty.diagonal:
            raise UnsupportedOptimizer(
                f"expected an optimizer that moves all weights by one step size for {penalty!r} "
                f"with update='proximal', got {optimizer}, which adapts: {NO_METRIC}"
            )


def refuse_renewed(assignment: Assignment, where: str) -> None:
    """Refuse what is renewed as training goes, where nobody counts steps.

    Args:
        assignment: the terms on a model.
        where: that place, for the message.

    Raises:
        InputError: a term is renewed; the message says what is like it.
    """
    for penalty in _penalties(assignment):
        if penalty.is_renewed:
            raise InputError(
                f"expected penalties that stay as they are in {where}, got {penalty!r}, "
                "which is renewed after every so many steps: use LogSum, which is that in "
                "every step"
            )


def _penalties(assignment: Assignment) -> Iterator[Penalty]:
    """Yield the penalty of every part."""
    return (part.penalty for parts in assignment.parts.values() for part in parts)


def penalty_on(penalty: Penalty, info: ParameterInfo) -> Penalty:
    """Return a penalty as it is on one parameter: for its layout, groups of inputs, free inputs.

    Args:
        penalty: of a term.
        info: the parameter.

    Raises:
        InputError: complex numbers, or an axis that the parameter does not have.

    >>> from shrinkage.parameters import InputGroups
    >>> from shrinkage.penalties import GroupLasso
    >>> groups = InputGroups(("age", "city", "city"), free=(0,))
    >>> info = ParameterInfo("w", (4, 3), input_axis=1, output_axis=0, input_groups=groups)
    >>> penalty_on(GroupLasso(per="input"), info)
    GroupLasso(axes=(1,), groups=(0, 0)) on 2 of 3 units
    """
    if not info.real:
        raise InputError(
            f"expected real numbers for {penalty!r}, got complex ones in {info.name}: select "
            "others, or hold its real and imaginary parts as two parameters"
        )
    try:
        own = penalty.with_axes(info.input_axis, info.output_axis)
        own.check_shape(info.shape)
    except InputError as error:
        raise InputError(f"{info.name} {info.shape}: {error}") from None
    groups, axis = info.input_groups, info.input_axis
    if groups is None or axis is None:
        return own
    own = own.of_units(axis, groups.penalised) if groups.free else own
    if groups.any_together:
        labels = [groups.labels[unit] for unit in groups.penalised]
        own = own.with_unit_groups(axis, labels)
    if groups.free:
        units = Units(axis, info.shape[axis], groups.penalised)
        own = OnSomeUnits(own, units)
    return own


def _parts(term_id: str, term: Term, info: ParameterInfo, update: str) -> tuple[Part, ...]:
    penalty = penalty_on(term.penalty, info)
    reference = _reference(term, info)
    own = Part(term.strength, penalty, reference, term.update or update, term_id)
    return tuple(part.at(term.strength) for part in own.elementary())


def _reference(term: Term, info: ParameterInfo) -> Any:
    if term.reference is None:
        return None
    for name in info.names:
        if name in term.reference:
            reference = term.reference[name]
            if tuple(reference.shape) != info.shape:
                raise InputError(
                    f"expected a reference of shape {info.shape} for {name}, got "
                    f"{tuple(reference.shape)}: take it from a model of the same shape"
                )
            return reference
    hint = near_names(info.name, term.reference) or "add it, or select fewer parameters"
    raise InputError(f"expected a reference for {info.name}, got none in around(…): {hint}")


def _plan(name: str, parts: list[Part]) -> StepPlan:
    try:
        return StepPlan.of(parts)
    except OverlapError as error:
        raise OverlapError(f"{name}: {error}") from None


def _rows(
    info: ParameterInfo, plan: StepPlan, terms: Terms, frozen: set[str]
) -> Iterator[AssignmentRow]:
    updates = {part.term: part.update for part in plan.parts}
    words = [_term_words(terms.by_id[term_id]) for term_id in updates]
    if updates:
        reason = " + ".join(updates.values())
        reason += ": terms meet here" if len(updates) > 1 else ""
    else:
        reason = _reason(info, frozen)
    notes = [info.note, _groups_note(info) if updates else ""]
    reason = "; ".join([reason, *filter(None, notes)])
    yield AssignmentRow(info.name, info.shape, info.role, " + ".join(words), reason)
    for alias in info.aliases:
        yield AssignmentRow(
            alias, info.shape, info.role, "", f"tied to {info.name}: the same array, once"
        )


def _groups_note(info: ParameterInfo) -> str:
    """Return what the table says of inputs that belong together or are free, or nothing."""
    groups = info.input_groups
    if groups is None:
        return ""
    together = len({groups.labels[unit] for unit in groups.penalised})
    said = [f"inputs in {together} groups"] if together < len(groups.penalised) else []
    said += [f"{len(groups.free)} of {len(groups.labels)} inputs free"] if groups.free else []
    return ", ".join(said)


def _term_words(term: Term) -> str:
    about = "" if term.reference is None else " around a reference"
    return f"{term.strength_text} * {term.penalty!r}{about}"


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
