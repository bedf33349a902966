"""The four updates in NumPy: how terms enter the training of a network from scratch.

Who uses this: `Trainer`, which calls `before` and `after` around each move of a parameter, and
`gradient_check`. It is what `shrinkage.pytorch.regularize` does, without anything for speed:

    loss, gradient   gradient ← gradient + strength · ∂Ω(w)
    decoupled        w ← w − learning_rate · strength · ∂Ω(w) before the move (smooth penalties),
                     w ← prox(w, learning_rate · strength) after it (those with a kink)
    proximal         w ← prox(w, step size of each weight · strength) after the move

`loss` and `gradient` are one: what automatic differentiation would add is written down here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.parameters import ParameterInfo
from shrinkage.penalties import (
    Part,
    ProximalSum,
    closed_form,
    elementary_parts,
    slope_of,
    smooth_and_kinked,
)
from shrinkage.scratch.checks import finite_references
from shrinkage.terms import AssignedPart, Term, Terms, assign

GivenTerms = Term | Terms | Iterable[Term]


@dataclass(frozen=True, eq=False)
class Plan:
    """What happens to one parameter around a step."""

    every: tuple[Part, ...]
    in_gradient: tuple[Part, ...]
    before: tuple[Part, ...]
    after: ProximalSum
    after_in_metric: ProximalSum


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
        self._plans = {name: _plan(parts) for name, parts in self.assignment.parts.items() if parts}

    def __contains__(self, name: str) -> bool:
        return name in self._plans

    def value(self, parameters: Mapping[str, np.ndarray]) -> float:
        """Return Σ strength · Ω over all terms."""
        return float(
            sum(
                part.strength * part.penalty.value(part.about(parameters[name]))
                for name, plan in self._plans.items()
                for part in plan.every
            )
        )

    def slope(self, name: str, w: np.ndarray) -> np.ndarray:
        """Return Σ strength · ∂Ω(w) of all terms on a parameter."""
        return slope_of(self._plans[name].every, w) if name in self else np.zeros_like(w)

    def before(self, name: str, w: np.ndarray, gradient: np.ndarray, rate: float) -> np.ndarray:
        """Return the gradient to move by; `w` has decayed in place."""
        if name not in self:
            return gradient
        plan = self._plans[name]
        if plan.in_gradient:
            gradient = gradient + slope_of(plan.in_gradient, w)
        if plan.before:
            w -= rate * slope_of(plan.before, w)
        return gradient

    def after(self, name: str, w: np.ndarray, rate: float, step_size: Any) -> None:
        """Shrink `w` in place: by the learning rate alone, and by the size of its step."""
        if name in self:
            w[...] = self._plans[name].after.prox(w, rate)
            w[...] = self._plans[name].after_in_metric.prox(w, step_size)


def _plan(assigned: Sequence[AssignedPart]) -> Plan:
    parts = {
        update: elementary_parts(_part(part) for part in assigned if part.update == update)
        for update in ("loss", "gradient", "decoupled", "proximal")
    }
    smooth, kinked = smooth_and_kinked(parts["decoupled"])
    return Plan(
        every=tuple(_part(part) for part in assigned),
        in_gradient=_live(parts["loss"] + parts["gradient"]),
        before=_live(smooth),
        after=closed_form(kinked),
        after_in_metric=closed_form(parts["proximal"]),
    )


def _part(part: AssignedPart) -> Part:
    reference = None if part.reference is None else np.asarray(part.reference, np.float64)
    return Part(part.strength, part.penalty, reference)


def _live(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return the parts whose strength is not 0: with 0, training is that without them, by bits."""
    return tuple(part for part in parts if not part.is_absent)
