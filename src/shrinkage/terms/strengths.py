"""The strengths of an attachment's terms: as they were set, and as they are at this step.

Who uses this: the attachments of PyTorch and Keras. Strengths are found by the ids of terms, never
by their texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shrinkage.errors import InputError, near_names
from shrinkage.terms.schedules import Schedule, scheduled
from shrinkage.terms.term import Term, Terms, checked_strength


class Strengths:
    """Strengths by the id of their term: numbers, or tensors with one number per stacked model.

    Args:
        initial: the id of each term → its strength.
        terms: the terms themselves, where there are some; else a term is known by its id.
        schedules: for each term the factors of its strength by step, or None.

    >>> from shrinkage.terms.schedules import WarmUp
    >>> strengths = Strengths({"decay": 0.5}, schedules=[WarmUp(4)])
    >>> strengths.bring(1), strengths.now
    ({'decay'}, {'decay': 0.125})
    """

    def __init__(
        self,
        initial: Mapping[str, Any],
        terms: Terms | None = None,
        schedules: Sequence[Schedule | None] = (),
    ) -> None:
        self.as_set = dict(initial)
        self.now = dict(initial)  # times the factors of the schedules
        self._terms = terms
        self._schedules = dict(zip(initial, schedules, strict=bool(schedules)))
        self.vary = any(schedule is not None for schedule in schedules)

    def set(self, term: Term | str | int, value: Any) -> None:
        """Set the strength of a term; `bring` makes it act."""
        self.as_set[self._id_of(term)] = checked_strength(value)

    def set_all(self, values: Sequence[Any]) -> None:
        """Set the strengths of all terms, in their order."""
        if len(values) != len(self.as_set):
            raise InputError(
                f"expected the state of {len(self.as_set)} terms, got one of {len(values)}: "
                "load it into an attachment with the same terms"
            )
        self.as_set = dict(zip(self.as_set, values, strict=True))

    def bring(self, step: int) -> set[str]:
        """Take the strengths of a step, and return the ids of those that have changed."""
        before, self.now = self.now, self.at(step)
        return {term for term, strength in self.now.items() if not _same(strength, before[term])}

    def at(self, step: Any) -> dict[str, Any]:
        """Return the strengths of a step by the ids of terms; a step that is an array gives arrays.

        >>> Strengths({"decay": 0.5}).at(3)
        {'decay': 0.5}
        """
        return {
            term: scheduled(strength, self._schedules.get(term), step, term)
            for term, strength in self.as_set.items()
        }

    def _id_of(self, term: Term | str | int) -> str:
        if self._terms is not None:
            return self._terms.id_of(term)
        ids = tuple(self.as_set)
        if isinstance(term, int) and 0 <= term < len(ids):
            return ids[term]
        if term not in ids:
            hint = near_names(str(term), ids) or f"the terms are {', '.join(ids)}"
            raise InputError(f"expected one of the terms, got {term}: {hint}")
        return str(term)


def _same(first: Any, second: Any) -> bool:
    """Return whether two strengths are the same; tensors are where they are one object."""
    numbers = isinstance(first, int | float) and isinstance(second, int | float)
    return first is second or (numbers and first == second)
