"""Terms that name the optimizer's own decay beside a penalty of the loop: an elastic net, say.

Who uses this: `audit`. The decay is measured apart, by its walks; where it acts as its term has it,
the step is taken without it, and what is left is judged by the other terms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from shrinkage.audits.decays import MeasuredDecay
from shrinkage.audits.findings import Seen
from shrinkage.audits.intended import Intended, intended_of
from shrinkage.audits.judging import Case
from shrinkage.audits.measuring import Expectation
from shrinkage.audits.measuring.pair import as_float64
from shrinkage.pytorch.audits.measuring import measure_run
from shrinkage.pytorch.audits.runs import Runs
from shrinkage.pytorch.audits.wanted import UPDATES
from shrinkage.terms import Assignment, Part

_ONE = 0.01
_ROUNDED = 1e-5


def beside_their_decay(
    runs: Runs,
    assignment: Assignment,
    update: str | None,
    intended: Mapping[str, Intended],
    decays: Mapping[str, float],
) -> dict[str, Intended]:
    """Return what is left to the loop, by parameter, where a term among others is the decay.

    Args:
        runs: of the step.
        assignment: of the terms.
        update: of the terms that name none.
        intended: of the loop with its optimizer.
        decays: of the optimizer's own, by parameter.
    """
    left = {}
    for name, meant in intended.items():
        own, decay = runs.decays.get(name), decays.get(name, 0.0)
        parts = meant.expectation.parts
        if own is None or decay <= 0 or len(parts) < 2 or not _is_as_known(own):
            continue
        w = as_float64(runs.twin.start[name])
        acts_as = UPDATES[own.rule]
        found = next(
            (
                part
                for part in reversed(parts)  # a decay that no term names is the last
                if sum(other.term == part.term for other in parts) == 1
                if math.isclose(decay_in(part, w), decay, rel_tol=_ROUNDED)
                if (assignment.terms.by_id[part.term].update or update or acts_as) == acts_as
            ),
            None,
        )
        others = [part for part in parts if found is not None and part.term != found.term]
        if others:
            left[name] = intended_of(others, assignment.terms, update)
    return left


def decay_in(part: Part, w: Any) -> float:
    """Return λ where a part pulls by λw, as a weight decay does, 0 where it pulls otherwise.

    >>> from shrinkage import L1, L2
    >>> w = np.array([1.0, -2.0])
    >>> decay_in(Part(0.1, L2()), w), decay_in(Part(0.1, L1()), w)
    (0.1, 0.0)
    """
    if not part.penalty.finite or part.penalty.is_shared or not w.any():
        return 0.0
    once, twice = (Expectation.of([part]).subgradient(x) for x in (w, 2 * w))
    factor = float((once * w).sum() / (w * w).sum())
    bound = _ROUNDED * factor * np.abs(w).max()
    is_one = np.abs(once - factor * w).max() <= bound and np.abs(twice - 2 * once).max() <= bound
    return factor if factor > 0 and is_one else 0.0


def without_their_decay(
    runs: Runs,
    left: Mapping[str, Intended],
    intended: Mapping[str, Intended],
    cases: Mapping[str, Case],
) -> dict[str, Case]:
    """Return the cases, those of mixtures as they are without the decay.

    Args:
        runs: of the step.
        left: to the loop, where a term is the decay.
        intended: of all parameters.
        cases: as they are with it.
    """
    if not left:
        return dict(cases)
    once, twice = (
        measure_run(runs, scale, {**intended, **left}, decays=False)[0] for scale in (1.0, 2.0)
    )
    apart = {
        name: replace(
            cases[name],
            words=meant.words,
            allowed=meant.allowed,
            is_set=meant.is_set,
            once=once[name],
            twice=twice[name],
            own=None,
        )
        for name, meant in left.items()
    }
    return {**cases, **apart}


def mechanisms_of(seen: Seen, runs: Runs, left: Mapping[str, Intended]) -> str:
    """Return how a parameter's terms arrive: those of the loop, and the one that is the decay."""
    if seen.parameter not in left or seen.factor is None:
        return seen.mechanism
    own = UPDATES[runs.decays[seen.parameter].rule]
    return seen.mechanism if own == seen.mechanism else f"{seen.mechanism} + {own}"


def is_one_kind(parts: Iterable[Part], w: Any) -> bool:
    """Return whether a part of some is what a decay of the optimizer is."""
    return any(decay_in(part, as_float64(w)) > 0 for part in parts)


def _is_as_known(own: MeasuredDecay) -> bool:
    return own.rule in UPDATES and abs(own.factor - 1) <= _ONE + own.error
