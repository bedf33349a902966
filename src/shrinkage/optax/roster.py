"""Who is penalised in a tree of arrays, found once a shape of the tree, and the table of it.

Who uses this: the transformations, which ask with the tree of every call. Inside `optax.masked`
and `optax.partition` a transformation sees only its own part of the tree, and so does the roster.
A part without any array is no mistake, as a label may stand for nothing in one of many models:
there is nothing to penalise there, whatever the terms select.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import jax

from shrinkage.errors import InputError
from shrinkage.optax.assigning import assigned
from shrinkage.optax.parameters import Layout, checked_layout, describe
from shrinkage.terms import Assignment, StepPlan, Term, Terms, as_terms, checked_update, present

Plans = Mapping[str, StepPlan]


def table(
    params: Any,
    terms: Term | Terms | Iterable[Term],
    update: str = "proximal",
    *,
    layout: Layout | None = None,
) -> Assignment:
    """Return who is penalised by what, and the reason where nobody is; it prints as a table.

    Args:
        params: the tree of parameters.
        terms: the terms.
        update: the update of terms that name none.
        layout: what roles and axes are, where names do not tell (see `describe`).

    Returns:
        The `Assignment`.

    Raises:
        ShrinkageError: as `assign` and `describe` do.

    >>> import jax.numpy as jnp
    >>> from shrinkage import L1
    >>> print(table({"kernel": jnp.ones((3, 2)), "bias": jnp.ones(2)}, 0.1 * L1()))
    parameter  shape  role    term        reason
    bias       2      bias    -           bias: not penalised unless biases() is selected
    kernel     3x2    weight  0.1 * L1()  proximal

    Source: `assign`, which every framework of the library shares.
    """
    return assigned((info for info, _ in describe(params, layout)), terms, update)


class TreeAssignment:
    """What happens to each parameter around a step; strengths of 0 are no parts.

    Args:
        terms: the terms.
        update: the update of terms that name none.
        allowed: the updates that the asking transformation can do.
        layout: see `describe`.

    Raises:
        InputError: no terms, a term with another update, or a layout that is none.
    """

    def __init__(
        self,
        terms: Term | Terms | Iterable[Term],
        update: str,
        *,
        allowed: tuple[str, ...],
        layout: Layout | None,
    ) -> None:
        self._terms, self._update = as_terms(terms), checked_update(update)
        self._layout = checked_layout(layout)
        for term in self._terms:
            if (term.update or update) not in allowed:
                raise InputError(
                    f"expected terms with update {' or '.join(allowed)} here, got {term!r} with "
                    f"{term.update or update}: {_ELSEWHERE[term.update or update]}"
                )
        self._shapes: Any = None
        self._plans: Plans = {}

    def plans(self, params: Any) -> Plans:
        """Return name → plan for the penalised parameters of this tree; none where it is empty.

        Raises:
            ShrinkageError: as `assign` does.
        """
        infos = ()
        if jax.tree.leaves(params):
            infos = tuple(info for info, _ in describe(params, self._layout))
        if infos != self._shapes:  # found anew only where the tree is another
            by_name = assigned(infos, self._terms, self._update).parts if infos else {}
            plans = {name: StepPlan.of(present(parts)) for name, parts in by_name.items()}
            self._plans = {name: plan for name, plan in plans.items() if plan}
            self._shapes = infos
        return self._plans


_ELSEWHERE = {
    "loss": "add penalty_loss(params, terms) to the loss",
    "gradient": "put gradient(terms) first in the chain, or use proximal(…)",
    "decoupled": "put decoupled(terms, learning_rate) last in the chain, or use proximal(…)",
    "proximal": "wrap the optimizer, proximal(optimizer, terms, learning_rate)",
}
