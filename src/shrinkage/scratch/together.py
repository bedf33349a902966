"""What terms do with several parameters of a network at once, and what they renew between steps.

Who uses this: `Trainer`, around the shrinks of a step. A set that several parameters share (the k
largest weights of all layers) is divided once all have moved; slopes of a penalty that is renewed
(reweighted L1) follow the weights some steps later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from shrinkage.terms import Part, StepPlan, present


class Together:
    """Changes the plans of steps as the parameters move.

    Args:
        plans: of the parameters, by name; changed in place.
    """

    def __init__(self, plans: dict[str, StepPlan]) -> None:
        self._plans, self._steps = plans, 0
        self._sharing: dict[str, tuple[list[str], Part]] = {}
        for name, plan in plans.items():
            for part in present(plan.parts):
                if part.penalty.is_shared:
                    self._sharing.setdefault(part.term, ([], part))[0].append(name)

    def divide(
        self,
        parameters: Mapping[str, np.ndarray],
        rate: float,
        sizes: Mapping[str, Any],
        moved: Mapping[str, Any],
    ) -> None:
        """Divide what the parameters of a term share, all of them having moved.

        Args:
            parameters: all of the network.
            rate: the learning rate.
            sizes: of their steps, as `after` takes them.
            moved: how far each has moved, as `after` takes it.
        """
        for term, (names, part) in self._sharing.items():
            arrays, steps = [], []
            for name in names:
                w, plan, size = parameters[name], self._plans[name], sizes[name]
                after = plan.after.before_sets(w, rate) if plan.after else None
                reach = np.maximum(moved[name], rate) if np.ndim(size) else None
                own, step = after or plan.in_metric.before_sets(w, size, reach=reach)
                arrays.append(part.about(own))
                steps.append(step)
            for name, penalty in zip(names, part.penalty.shared(arrays, steps), strict=True):
                self._plans[name] = self._plans[name].sharing(term, penalty)

    def renew(self, parameters: Mapping[str, np.ndarray]) -> None:
        """Count a step that all parameters have taken, and renew what is due after it."""
        self._steps += 1
        for name, plan in self._plans.items():
            due = [part for part in plan.parts if part.penalty.is_due(self._steps)]
            for part in due:
                penalty = part.penalty.renewed(part.about(parameters[name]))
                own = replace(part, penalty=penalty)
                self._plans[name] = self._plans[name].changed(
                    lambda other, part=part, own=own: own if other is part else other
                )
