"""Terms (strength × penalty on a selection), their sums, and who is penalised by what, and why."""

from __future__ import annotations

from shrinkage.terms.assignment import AssignedPart, Assignment, Row, assign
from shrinkage.terms.own_decay import words_of_own_decay
from shrinkage.terms.term import UPDATES, Term, Terms, as_terms, checked_strength, checked_update

__all__ = [
    "UPDATES",
    "AssignedPart",
    "Assignment",
    "Row",
    "Term",
    "Terms",
    "as_terms",
    "assign",
    "checked_strength",
    "checked_update",
    "words_of_own_decay",
]
