"""Sets that several parameters share: what each may keep, once all have their updates.

Who uses this: the transformations, which have a whole tree at hand. What is kept of one array
(`GlobalCardinality`) follows from all that share the set and from the steps that they take.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shrinkage.optax.parameters import named_leaves
from shrinkage.optax.roster import Plans
from shrinkage.terms import ProximalSum, StepPlan, divided

Sum = Callable[[StepPlan], ProximalSum]
"""Which of the proxes of a plan is about to be taken."""

Reached = Callable[[str, Any, Any], tuple[Any, Any, Any]]
"""Of a name, its weights and its update: the weights reached, the step and the reach."""


def divide(moves: Any, params: Any, plans: Plans, own: Sum, reached: Reached) -> Plans:
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
    sharing = {name: plan for name, plan in plans.items() if plan.shared in own(plan).parts}
    if not sharing:
        return plans
    weights, updates = named_leaves(params), named_leaves(moves)

    def arriving(name: str) -> tuple[Any, Any]:
        wide, step, reach = reached(name, weights[name], updates[name])
        return own(plans[name]).before_sets(wide, step, reach=reach)

    return {**plans, **divided(sharing, arriving)}
