"""`assign` with what to do in JAX's words where terms and a tree do not fit.

Who uses this: `table`, `TreeAssignment` and `penalty_loss`, the three that ask who is penalised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from shrinkage.errors import InputError
from shrinkage.parameters import ParameterInfo
from shrinkage.penalties import Penalty
from shrinkage.selections import select
from shrinkage.terms import Assignment, Term, Terms, as_terms, assign


def assigned(
    infos: Iterable[ParameterInfo],
    terms: Term | Terms | Iterable[Term],
    update: str = "proximal",
) -> Assignment:
    """Return who is penalised by what.

    Args:
        infos: the parameters.
        terms: the terms.
        update: the update of terms that name none.

    Returns:
        The `Assignment`.

    Raises:
        ShrinkageError: as `assign` does, with the way to `layout=` where an axis is not known.
        InputError: a reference that is a tree, not arrays by name.

    >>> from shrinkage import L1
    >>> assigned([ParameterInfo("w", (3, 2))], 0.1 * L1()).rows[0].term
    '0.1 * L1()'
    """
    infos, terms = tuple(infos), as_terms(terms)
    for term in terms:
        _check_reference(term)
    try:
        assignment = assign(infos, terms, update)
    except InputError as error:
        if not any(_lacks_an_axis(term, infos) for term in terms):
            raise
        raise InputError(
            f"{error}; or say where the axes lie by layout=in_out, out_in, layout_of(module) or a "
            "function, all of shrinkage.optax"
        ) from None
    return assignment


def _check_reference(term: Term) -> None:
    for name, array in (term.reference or {}).items():
        if isinstance(array, np.ndarray) and not array.shape and isinstance(array.item(), Mapping):
            raise InputError(
                f"expected around(…) to have arrays by full name, the keys joined by dots, got a "
                f"tree under {name!r}: give around(named_leaves(params)) of shrinkage.optax"
            )


def _lacks_an_axis(term: Term, infos: tuple[ParameterInfo, ...]) -> bool:
    """Return whether the penalty resolves on a layer with both axes, and not on one selected."""
    return _resolves(term.penalty, 0, 1) and not all(
        _resolves(term.penalty, info.input_axis, info.output_axis)
        for info in select(term.selection, infos)
    )


def _resolves(penalty: Penalty, *axes: Any) -> bool:
    try:
        penalty.with_axes(*axes)
    except InputError:
        return False
    return True
