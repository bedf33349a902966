"""Sets that several parameters share: what each may keep, once all have moved.

Who uses this: PyTorch, Keras, optax and the network from scratch, between the optimizer's moves and
the proxes. What is kept of one array (`GlobalCardinality`) follows from all that share the set and
from the steps that they have taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from shrinkage.arrays import Array
from shrinkage.terms.part import Part
from shrinkage.terms.step_plan import StepPlan

Key = TypeVar("Key")


def divided(
    plans: Mapping[Key, StepPlan],
    reached: Callable[[Key], tuple[Array, Any]],
    stacked: int = 0,
) -> dict[Key, StepPlan]:
    """Return the plans, every part of a shared set told what it may keep.

    Args:
        plans: of all parameters that may share one; at most one such part is in a plan.
        reached: the weights that the projection of such a part gets, and the step it takes there.
        stacked: how many leading axes run over models.

    >>> import numpy as np
    >>> from shrinkage.penalties import GlobalCardinality
    >>> weights = {"a": np.array([3.0, -2.0, 0.1]), "b": np.array([1.0, 0.5])}
    >>> plans = {name: StepPlan.of([Part(1.0, GlobalCardinality(keep=3))]) for name in weights}
    >>> now = divided(plans, lambda name: (weights[name], 1.0))
    >>> [now[name].in_metric.prox(w, 1.0).tolist() for name, w in weights.items()]
    [[3.0, -2.0, 0.0], [1.0, 0.0]]
    """
    members: dict[str, list[tuple[Key, Part]]] = {}
    for key, plan in plans.items():
        if plan.shared is not None:
            members.setdefault(plan.shared.term, []).append((key, plan.shared))
    plans = dict(plans)
    for term, sharing in members.items():
        weights, steps = zip(*(reached(key) for key, _ in sharing), strict=True)
        arrays = [part.about(w) for (_, part), w in zip(sharing, weights, strict=True)]
        each = sharing[0][1].penalty.shared(arrays, steps, stacked)
        for (key, _), penalty in zip(sharing, each, strict=True):
            plans[key] = plans[key].sharing(term, penalty)
    return plans
