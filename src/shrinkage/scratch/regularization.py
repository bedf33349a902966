"""The four updates in NumPy: how terms enter the training of a network from scratch.

Who uses this: `Trainer`, which calls `before` and `after` around each move of a parameter, and
`gradient_check`. It is what `shrinkage.pytorch.regularize` does, without anything for speed:

    loss, gradient   gradient ← gradient + strength · ∂Ω(w)
    decoupled        w ← w − learning_rate · strength · ∂Ω(w) before the move (smooth penalties),
                     w ← prox(w, learning_rate · strength) after it (nonsmooth ones)
    proximal         w ← prox(w, step size of each weight · strength) after the move, no farther
                     than twice that move or the learning rate, where step sizes are of each
                     weight

`loss` and `gradient` are one: what automatic differentiation would add is written down here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from shrinkage.parameters import ParameterInfo
from shrinkage.scratch.checks import finite_references
from shrinkage.scratch.together import Together
from shrinkage.terms import Part, StepPlan, Term, Terms, assign, present, subgradient_of

GivenTerms = Term | Terms | Iterable[Term]


class Regularization:
    """Terms on the parameters of a network.

    Args:
        infos: of the parameters.
        terms: strengths times penalties on selections.
        update: of terms that name none.

    Raises:
        ShrinkageError: as `shrinkage.assign` does.
        InputError: a reference that is not finite.

    >>> from shrinkage import L1
    >>> from shrinkage.scratch import Affine, Network
    >>> print(Regularization(Network([Affine(2, 1)]).infos, 0.5 * L1()).assignment)
    parameter  shape  role    term        reason
    0.weight   1x2    weight  0.5 * L1()  proximal
    0.bias     1      bias    -           bias: not penalised unless biases() is selected
    """

    def __init__(
        self, infos: Iterable[ParameterInfo], terms: GivenTerms, update: str = "proximal"
    ) -> None:
        self.assignment = assign(infos, terms, update)
        finite_references(self.assignment.parts)
        self._plans = {
            name: StepPlan.of(map(_in_float64, plan.parts))
            for name, plan in self.assignment.plans.items()
            if plan
        }
        self.together = Together(self._plans)

    def __contains__(self, name: str) -> bool:
        return name in self._plans

    def value(self, parameters: Mapping[str, np.ndarray]) -> float:
        """Return Σ strength · Ω over all terms."""
        return float(
            sum(
                part.value(parameters[name])
                for name, plan in self._plans.items()
                for part in plan.parts
            )
        )

    def slope(self, name: str, w: np.ndarray) -> np.ndarray:
        """Return Σ strength · ∂Ω(w) of all terms on a parameter."""
        return subgradient_of(self._plans[name].parts, w) if name in self else np.zeros_like(w)

    def before(self, name: str, w: np.ndarray, gradient: np.ndarray, rate: float) -> np.ndarray:
        """Return the gradient to move by; `w` has decayed in place."""
        if name not in self:
            return gradient
        plan = self._plans[name]
        pushing, decaying = present(plan.loss + plan.gradient), present(plan.before)
        if pushing:
            gradient = gradient + subgradient_of(pushing, w)
        if decaying:
            w -= rate * subgradient_of(decaying, w)
        return gradient

    def after(
        self, name: str, w: np.ndarray, rate: float, step_size: Any, moved: Any = 0.0
    ) -> None:
        """Shrink `w` in place: by the learning rate alone, and by the size of its step.

        Args:
            name: of the parameter.
            w: its weights.
            rate: the learning rate.
            step_size: a number, or one per weight: a metric, in which a steady gradient moves by
                the rate, so that the shrink is bounded.
            moved: how far the step has moved each weight, where it is not the step of all.
        """
        if name in self:
            reach = np.maximum(moved, rate) if np.ndim(step_size) else None
            w[...] = self._plans[name].after.prox(w, rate)
            w[...] = self._plans[name].in_metric.prox(w, step_size, reach=reach)


def _in_float64(part: Part) -> Part:
    if part.reference is None:
        return part
    return replace(part, reference=np.asarray(part.reference, np.float64))
