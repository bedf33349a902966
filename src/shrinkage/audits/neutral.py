"""`audit`: does a penalty arrive, in any code of any framework?

Who uses this: people with a training step that they can call. It asks for one step from the same
start with all strengths times 0, 1 and 2, and looks only at what the step did. A call with scale
0 is repeated where something looks wrong, so that noise is not taken for a fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from shrinkage.audits.expected import MECHANISMS, Expectation
from shrinkage.audits.findings import Finding, Report, finding, make_report
from shrinkage.audits.judge import judge
from shrinkage.audits.measure import Measured, Pair, measure
from shrinkage.audits.runs import Run, Step, same, take
from shrinkage.audits.verdicts import Case
from shrinkage.checks import positive
from shrinkage.errors import InputError, near_names
from shrinkage.parameters import infos_from_arrays
from shrinkage.terms import Assignment, Part, Term, Terms, as_terms, assign, checked_update, present

_UPDATE_OF = {
    "loss": "gradient",
    "gradient": "gradient",
    "decoupled": "decoupled",
    "proximal": "proximal",
}


def audit(
    step: Step,
    terms: Term | Terms | Iterable[Term],
    learning_rate: float | Mapping[str, float],
    update: str | None = None,
    *,
    known: Mapping[str, float] | None = None,
) -> Report:
    """Return whether the terms arrive in a training step: once, where, and how strongly.

    The step at scale s is compared with that at 0. With data gradient g, learning rate lr and
    Δ = after(s) − after(0), the factor of a parameter is ⟨Δ, E⟩/⟨E, E⟩ with E = −lr·s·strength·∂Ω
    (updates "loss" and "gradient"), the decay, or the prox of the moved weights; where gradients
    are given it is ⟨g(s) − g(0), s·strength·∂Ω⟩/‖s·strength·∂Ω‖².

    Args:
        step: called with a scale of 0, 1 and 2 (and 0 again where something looks wrong): takes
            ONE training step from the same start with every strength multiplied by the scale and
            returns (before, after) or (before, after, gradients), mappings of name to array;
            gradients are those before any clipping.
        terms: what should arrive. Arrays of two or more axes are the default weights.
        learning_rate: a number, or one by name.
        update: "loss", "gradient", "decoupled" or "proximal"; None accepts any and names it.
        known: numbers that a wrong factor may come from, by what they are, as {"rows": 128}.

    Returns:
        The `Report`: `ok`, `findings`, `update`, and a table when printed.

    Raises:
        InputError: strengths of 0 only, a bad learning rate, a step that returns no arrays, other
            names or shapes on a later call, or the same array before and after.
        UnmatchedPattern: a term that selects no array.

    >>> from shrinkage import L2
    >>> w = np.array([[1.0, -2.0]])
    >>> def step(scale):
    ...     gradient = np.ones_like(w)  # the decay is forgotten
    ...     return {"w": w}, {"w": w - 0.1 * gradient}
    >>> audit(step, 0.01 * L2(), learning_rate=0.1).rules
    ('no-effect',)

    Source: the updates are those of `shrinkage.pytorch.regularize`; the rounding bound of a
    difference is Higham, Accuracy and Stability of Numerical Algorithms (2002), section 2.2.
    """
    terms = as_terms(terms)
    check_strengths(terms)
    update = None if update is None else checked_update(update)
    zero = take(step, 0.0)
    assignment = assign(infos_of(zero), terms, update or "gradient")
    rates = _rates(learning_rate, assignment)
    once, twice = take(step, 1.0, zero), take(step, 2.0, zero)
    cases = [
        _case(info.name, assignment, rates[info.name], update, (zero, once, twice), known or {})
        for info in assignment.infos
    ]
    findings, seen, found = judge(cases)
    if findings:
        name = same(zero, take(step, 0.0, zero))
        if name is not None:
            findings = [unrepeatable(name)]
    return make_report(findings, seen, found)


def check_strengths(terms: Terms) -> None:
    """Refuse terms that have nothing to show."""
    if not any(term.strength > 0 for term in terms):
        raise InputError(
            "expected a strength above 0, got strengths of 0 only: there is nothing to look for"
        )


def infos_of(run: Run) -> tuple:
    """Return what names and shapes tell of the parameters."""
    return infos_from_arrays((name, tuple(w.shape)) for name, w in run.before.items())


def expectation_of(parts: Iterable[Part]) -> Expectation:
    """Return what the parts of one parameter should do, references in float64."""
    return Expectation(tuple(replace(p, reference=_reference(p)) for p in present(parts)))


def _reference(part: Part) -> Any:
    if part.reference is None:
        return None
    given = part.reference
    if hasattr(given, "detach"):
        given = given.detach().cpu().double().numpy()
    return np.asarray(given, dtype=np.float64)


def allowed_by(parts: Iterable[Part], terms: Terms, update: str | None) -> tuple[str, ...]:
    """Return the mechanisms that the terms' own updates, or the caller's, leave open."""
    own = {terms.by_id[part.term].update for part in parts}
    named = {_UPDATE_OF[one or update] for one in own if one or update}  # type: ignore[index]
    return tuple(named) if named else MECHANISMS


def words_of(parts: Iterable[Part], terms: Terms) -> str:
    """Return the terms of one parameter as text."""
    on_it = [terms.by_id[term_id] for term_id in dict.fromkeys(part.term for part in parts)]
    return " + ".join(f"{term.strength:g} * {term.penalty!r}" for term in on_it)


def unrepeatable(name: str) -> Finding:
    """Return the finding of a step that differs from itself."""
    return finding(
        "not-repeatable",
        name,
        "two steps with the same scale end at different weights, so nothing can be compared",
        "seed data order, dropout and noise at the top of the step, and restore all state there",
    )


def _case(
    name: str,
    assignment: Assignment,
    rate: float,
    update: str | None,
    runs: tuple[Run, Run, Run],
    known: Mapping[str, float],
) -> Case:
    parts = assignment.parts[name]
    expectation = expectation_of(parts)
    allowed = allowed_by(parts, assignment.terms, update)
    once, twice = (
        _measured(name, expectation, rate, (runs[0], run), scale, allowed)
        for run, scale in zip(runs[1:], (1.0, 2.0), strict=True)
    )
    words = words_of(parts, assignment.terms) if expectation.parts else ""
    shape = tuple(runs[0].before[name].shape)
    return Case(name, shape, words, allowed, rate, once, twice, known)


def _measured(
    name: str,
    expectation: Expectation,
    rate: float,
    runs: tuple[Run, Run],
    scale: float,
    allowed: tuple[str, ...],
) -> Measured:
    zero, run = runs
    before, after = (one.gradients.get(name) if one.gradients else None for one in runs)
    step = zero.epsilons[name]
    pair = Pair(zero.before[name], zero.after[name], run.after[name], before, after, step, step)
    return measure(pair, expectation, rate, scale, allowed=allowed)


def _rates(given: float | Mapping[str, float], assignment: Assignment) -> dict[str, float]:
    names = [info.name for info in assignment.infos]
    if not isinstance(given, Mapping):
        return dict.fromkeys(names, _rate(given, "learning_rate"))
    for name in names:
        if assignment.parts[name] and name not in given:
            hint = near_names(name, given) or "give a number, or one for every penalised array"
            raise InputError(f"expected a learning rate for {name}, got none: {hint}")
    default = next(iter(given.values()), 0.0)
    return {name: _rate(given.get(name, default), f"learning_rate[{name!r}]") for name in names}


def _rate(value: Any, word: str) -> float:
    single = hasattr(value, "item") and getattr(value, "ndim", 0) == 0
    return positive(value.item() if single else value, word, "give the loop's step size")
