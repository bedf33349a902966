"""What terms do with several parameters of a network at once, and what they renew between steps.

Who uses this: `Trainer`, around the shrinks of a step. A set that several parameters share (the k
largest weights of all layers) is divided once all have moved; slopes of a penalty that is renewed
(reweighted L1) follow the weights some steps later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from shrinkage.terms import StepPlan, divided


class Together:
    """Changes the plans of steps as the parameters move.

    Args:
        plans: of the parameters, by name; changed in place.
    """

    def __init__(self, plans: dict[str, StepPlan]) -> None:
        self._plans, self._steps = plans, 0

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

        def reached(name: str) -> tuple[np.ndarray, Any]:
            w, plan, size = parameters[name], self._plans[name], sizes[name]
            if plan.after:
                return plan.after.before_sets(w, rate)
            reach = np.maximum(moved[name], rate) if np.ndim(size) else None
            return plan.in_metric.before_sets(w, size, reach=reach)

        self._plans.update(divided(self._plans, reached))

    def renew(self, parameters: Mapping[str, np.ndarray]) -> None:
        """Count a step that all parameters have taken, and renew what is due after it."""
        self._steps += 1
        for name, plan in self._plans.items():
            self._plans[name] = plan.renewed(parameters[name], self._steps)
