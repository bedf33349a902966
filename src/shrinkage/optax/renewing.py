"""Penalties that are renewed as training goes: what they hold, in the state of the transformation.

Who uses this: the transformations, at the beginning of each step, when the weights that the step
before has ended at are there. What is held (of `ReweightedL1`, its slopes) goes from state to state
and into checkpoints, as the moments of an optimizer do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from shrinkage.optax.parameters import named_leaves
from shrinkage.optax.roster import Plans

Renewals = Mapping[str, tuple[Any, ...]]
"""What the renewed parts of a parameter hold, by its name; empty where none is renewed."""


def first_round(plans: Plans, params: Any) -> Renewals:
    """Return what is held before the first renewal: 1 for every weight.

    >>> from shrinkage.penalties import ReweightedL1
    >>> from shrinkage.terms import Part, StepPlan
    >>> plans = {"w": StepPlan.of([Part(0.1, ReweightedL1())])}
    >>> first_round(plans, {"w": jnp.zeros(2)})["w"][0].tolist()
    [1.0, 1.0]
    """
    renewing = {name: plan for name, plan in plans.items() if plan.renewals}
    weights = named_leaves(params) if renewing else {}
    return {
        name: tuple(jnp.ones_like(weights[name]) for _ in plan.renewals)
        for name, plan in renewing.items()
    }


def renewed(plans: Plans, held: Renewals, params: Any, count: Any) -> tuple[Plans, Renewals]:
    """Return the plans of the step to come, and what they hold, after `count` steps that end here.

    Args:
        plans: what happens to each penalised parameter.
        held: what they held in the step before.
        params: the weights before the step.
        count: how many steps there have been.
    """
    if not held:
        return plans, held
    weights, plans = named_leaves(params), dict(plans)
    for name, own in held.items():
        plans[name] = plans[name].with_renewals(own).renewed(weights[name], count)
    return plans, {name: plans[name].renewals for name in held}
