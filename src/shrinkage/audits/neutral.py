"""`audit`: does a penalty arrive, in any code of any framework?

Who uses this: people with a training step that they can call. It asks for one step from the same
start with all strengths times 0, 1 and 2, and looks only at what the step did. A call with scale
0 is repeated where something looks wrong, so that noise is not taken for a fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from shrinkage.audits.findings import Report, make_report
from shrinkage.audits.intended import (
    Intended,
    check_strengths,
    divided,
    intended_by,
    sizes_in,
    usual_update,
)
from shrinkage.audits.judging import Case, judge
from shrinkage.audits.measuring import Measured, Pair, measure
from shrinkage.audits.measuring.steps import Step, TakenStep, same, take
from shrinkage.audits.source_lines import Origins, line_of, line_of_argument, with_lines
from shrinkage.audits.wording.absence import not_repeatable, starts_at_zero
from shrinkage.checks import positive
from shrinkage.errors import InputError, near_names
from shrinkage.parameters import infos_from_arrays
from shrinkage.terms import Assignment, Term, Terms, as_terms, assign, checked_update


def audit(
    step: Step,
    terms: Term | Terms | Iterable[Term],
    learning_rate: float | Mapping[str, float],
    update: str | None = None,
    *,
    known: Mapping[str, float] | None = None,
) -> Report:
    """Return whether the terms arrive in a training step: once, where, and how strongly.

    The step at scale s is compared with that at 0, so that a penalty which the scale does not
    multiply is not seen: let it multiply all, the optimizer's own decay too. With data gradient g,
    learning rate lr and Δ = after(s) − after(0), the factor of a parameter is ⟨Δ, E⟩/⟨E, E⟩ with
    E = −lr·s·strength·∂Ω (updates "loss" and "gradient"), the decay, or the prox of the moved
    weights; where gradients are given it is ⟨g(s) − g(0), s·strength·∂Ω⟩/‖s·strength·∂Ω‖².

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

    >>> import numpy as np
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
    infos = infos_from_arrays((name, tuple(w.shape)) for name, w in zero.before.items())
    assignment = assign(infos, terms, update or usual_update(terms))
    rates = _rates(learning_rate, assignment)
    runs = (take(step, 1.0, zero), take(step, 2.0, zero))
    intended = intended_by(assignment, update)
    sizes = sizes_in(intended, zero.before)
    at_scales = [
        divided(intended, scale, lambda name, _: (zero.after[name], rates[name]))
        for scale in (1.0, 2.0)
    ]
    cases = []
    for name in intended:
        meant = [own[name] for own in at_scales]
        case = _case(name, meant, rates[name], zero, runs, known or {})
        cases.append(replace(case, sizes=partial(sizes, name)))
    judgement = judge(cases)
    findings = judgement.findings
    if findings:
        name = same(zero, take(step, 0.0, zero))
        if name is not None:
            findings = (not_repeatable(name),)
    if all(said.rule != "not-repeatable" for said in findings):
        findings += tuple(starts_at_zero(case) for case in cases if _hides_a_decay(case, zero))
    origins = Origins(line_of(step), line_of_argument(step, 0))
    report = make_report(findings, judgement.seen, judgement.update, only_scaled=True)
    return with_lines(report, origins)


def _hides_a_decay(case: Case, zero: TakenStep) -> bool:
    """Return whether a decay of what no term selects would do nothing: all its numbers are 0."""
    start = zero.before[case.name]
    return not case.words and start.size > 0 and not start.any() and not case.once.moved


def _case(
    name: str,
    intended: Sequence[Intended],
    rate: float,
    zero: TakenStep,
    runs: tuple[TakenStep, TakenStep],
    known: Mapping[str, float],
) -> Case:
    def measured(run: TakenStep, scale: float, intended: Intended) -> Measured:
        gradients = [
            taken.gradients.get(name) if taken.gradients else None for taken in (zero, run)
        ]
        pair = Pair(
            zero.before[name],
            zero.after[name],
            run.after[name],
            *gradients,
            rounding=zero.epsilons[name],
            gradient_rounding=zero.epsilons[name],
        )
        return measure(pair, intended.expectation, rate, scale, allowed=intended.allowed)

    shape = tuple(zero.before[name].shape)
    once, twice = (
        measured(run, scale, meant)
        for run, scale, meant in zip(runs, (1.0, 2.0), intended, strict=True)
    )
    first = intended[0]
    words, allowed, is_set = first.words, first.allowed, first.is_set
    return Case(name, shape, words, allowed, rate, once, twice, known, is_set=is_set)


def _rates(rates: float | Mapping[str, float], assignment: Assignment) -> dict[str, float]:
    names = [info.name for info in assignment.infos]
    if not isinstance(rates, Mapping):
        return dict.fromkeys(names, _rate(rates, "learning_rate"))
    for name in names:
        if assignment.plans[name] and name not in rates:
            hint = near_names(name, rates) or "give a number, or one for every penalised array"
            raise InputError(f"expected a learning rate for {name}, got none: {hint}")
    default = next(iter(rates.values()), 0.0)
    return {name: _rate(rates.get(name, default), f"learning_rate[{name!r}]") for name in names}


def _rate(value: Any, word: str) -> float:
    single = hasattr(value, "item") and getattr(value, "ndim", 0) == 0
    return positive(value.item() if single else value, word, "give the loop's step size")
