"""What the three steps say of the training to come: collapse.

Who uses this: `audit`. It turns the arrays of a run into the numbers of `audits.collapse`.
"""

from __future__ import annotations

from typing import Any

from shrinkage.audits.collapse import Layer, predict_collapse
from shrinkage.audits.expected import Expectation
from shrinkage.audits.findings import Finding
from shrinkage.audits.measure import as_float64
from shrinkage.penalties import L2


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
    start, zero, after = (as_float64(array) for array in arrays[:3])
    if beside:
        push, data = after - zero, zero - start
    elif arrays[3] is None:
        return None
    else:
        push, data = expected.slope(start), as_float64(arrays[3])
    moved, whole = after - start, float((start * start).sum())
    if not whole:
        return None
    return Layer(
        name,
        float((push * push).sum()) ** 0.5,
        float((data * data).sum()) ** 0.5,
        float((push * data).sum()),
        float(abs(start).max()),
        float(abs(moved).mean()),
        -float((moved * start).sum()) / whole,
    )


def collapse(
    layers: list[Layer], terms: Any, *, beside: bool, adaptive: bool, steps_per_epoch: float | None
) -> list[Finding]:
    """Return whether the network will go to zero output."""
    if not layers:
        return []
    smooth = all(type(term.penalty) is L2 for term in terms)
    return predict_collapse(
        layers,
        [term.strength for term in terms],
        proportional=smooth and (beside or not adaptive),
        smooth=smooth,
        steps_per_epoch=steps_per_epoch,
    )
