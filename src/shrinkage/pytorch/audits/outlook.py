"""What the three steps say of the training to come: collapse.

Who uses this: `audit`. It turns the arrays of a run into the numbers of `audits.collapse`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from shrinkage.audits.collapse import Layer, predict_collapse
from shrinkage.audits.expected import Expectation
from shrinkage.audits.findings import Finding
from shrinkage.audits.fits import dot
from shrinkage.audits.measure import as_float64

_SUMS = ("penalty", "data", "along", "whole", "moved", "lost")


def about_zero(expected: Expectation) -> Expectation:
    """Return what pulls to zero: a term around a reference pulls elsewhere."""
    return Expectation(tuple(part for part in expected.parts if part.reference is None))


def layer_of(
    name: str,
    expected: Expectation,
    arrays: tuple[Any, Any, Any, Any],
    *,
    beside: bool,
) -> Layer | None:
    """Return the two pushes on a parameter.

    Args:
        name: of the parameter.
        expected: its terms.
        arrays: start, after a step without terms, after one with them, the data's gradient.
        beside: whether the penalty acts beside the gradient: then displacements are compared.
    """
    if not expected.parts:
        return None
    start, zero, after, gradient = arrays
    if not beside and gradient is None:
        return None
    size = math.prod(start.shape)
    sums: dict[str, float] = dict.fromkeys(_SUMS, 0.0)
    largest = 0.0
    for where, part in expected.pieces(size):
        w, z, a = (_piece(array, where) for array in (start, zero, after))
        push, data = (a - z, z - w) if beside else (part.slope(w), _piece(gradient, where))
        products = (
            ("penalty", push, push),
            ("data", data, data),
            ("along", push, data),
            ("whole", w, w),
            ("lost", w - a, w),
        )
        for key, first, second in products:
            sums[key] += dot(first, second)
        sums["moved"] += float(np.abs(a - w).sum())
        largest = max(largest, float(np.abs(w).max(initial=0.0)))
    if not sums["whole"]:
        return None
    return Layer(
        name,
        sums["penalty"] ** 0.5,
        sums["data"] ** 0.5,
        sums["along"],
        largest,
        sums["moved"] / size,
        sums["lost"] / sums["whole"],
    )


def _piece(array: Any, where: slice | None) -> Any:
    return as_float64(array if where is None else array.reshape(-1)[where])


def collapse(
    layers: list[Layer], terms: Any, *, beside: bool, adaptive: bool, steps_per_epoch: float | None
) -> list[Finding]:
    """Return whether the network will go to zero output."""
    if not layers:
        return []
    smooth = all(term.penalty.smooth for term in terms)
    return predict_collapse(
        layers,
        [term.strength for term in terms],
        proportional=smooth and (beside or not adaptive),
        smooth=smooth,
        steps_per_epoch=steps_per_epoch,
    )
