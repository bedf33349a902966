"""Terms (strength × penalty on a selection), their sums, and who is penalised by what, and why."""

from __future__ import annotations

from shrinkage.terms.assignment import (
    Assignment,
    AssignmentRow,
    assign,
    penalty_on,
    refuse_one_step,
    refuse_renewed,
)
from shrinkage.terms.own_decay import words_of_own_decay
from shrinkage.terms.part import Part, present, subgradient_of
from shrinkage.terms.proximal_sum import ProximalSum, closed_form, smooth_and_nonsmooth
from shrinkage.terms.reach import FARTHEST
from shrinkage.terms.sharing import divided
from shrinkage.terms.step_plan import StepPlan
from shrinkage.terms.term import (
    DECAY_RULES,
    UPDATES,
    Term,
    Terms,
    as_terms,
    checked_strength,
    checked_update,
)

__all__ = [
    "DECAY_RULES",
    "FARTHEST",
    "UPDATES",
    "Assignment",
    "AssignmentRow",
    "Part",
    "ProximalSum",
    "StepPlan",
    "Term",
    "Terms",
    "as_terms",
    "assign",
    "checked_strength",
    "checked_update",
    "closed_form",
    "divided",
    "penalty_on",
    "present",
    "refuse_one_step",
    "refuse_renewed",
    "smooth_and_nonsmooth",
    "subgradient_of",
    "words_of_own_decay",
]
