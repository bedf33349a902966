"""Sets that several parameters share: what each may keep, once all have their updates.

Who uses this: the transformations, which have a whole tree at hand. What is kept of one array
(`GlobalCardinality`) follows from all that share the set and from the steps that they take.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shrinkage.optax.parameters import named_leaves
from shrinkage.optax.roster import Plans
from shrinkage.terms import Part, ProximalSum, StepPlan

Sum = Callable[[StepPlan], ProximalSum]
"""Which of the proxes of a plan is about to be taken."""

Reached = Callable[[str, Any, Any], tuple[Any, Any, Any]]
"""Of a name, its weights and its update: the weights reached, the step and the reach."""


def divided(moves: Any, params: Any, plans: Plans, own: Sum, reached: Reached) -> Plans:
    """Return the plans in which every part of a shared set is told what it may keep.

    Args:
        moves: the updates as they are.
        params: the weights before the step.
        plans: what happens to each penalised parameter.
        own: the prox that is about to be taken.
        reached: from where, and with which step.

    Returns:
        The plans, as they were where nothing is shared.
    """
    members: dict[str, list[tuple[str, Part]]] = {}
    for name, plan in plans.items():
        for part in own(plan).parts:
            if part.penalty.is_shared:
                members.setdefault(part.term, []).append((name, part))
    if not members:
        return plans
    plans, weights, updates = dict(plans), named_leaves(params), named_leaves(moves)
    for term, parts in members.items():
        arrays, steps = [], []
        for name, part in parts:
            wide, step, reach = reached(name, weights[name], updates[name])
            w, step = own(plans[name]).before_sets(wide, step, reach=reach)
            arrays.append(part.about(w))
            steps.append(step)
        each = parts[0][1].penalty.shared(arrays, steps)
        for (name, _), penalty in zip(parts, each, strict=True):
            plans[name] = plans[name].sharing(term, penalty)
    return plans
