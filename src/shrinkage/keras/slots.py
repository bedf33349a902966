"""One penalised variable and what happens to it around the optimizer's step.

Who uses this: the attachment, inside the backend's own train function, traced or not: nothing here
looks at a value. Parts of strength 0 are not there at all, so that they change no bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shrinkage.arrays import Array
from shrinkage.checks import is_number
from shrinkage.errors import InputError
from shrinkage.keras.arrays import ops, plain
from shrinkage.keras.metrics import ADAPTIVE, Motion
from shrinkage.terms import Part, ProximalSum, StepPlan, present, subgradient_of


@dataclass(frozen=True, eq=False)
class PenalisedVariable:
    """A variable with its parts, by update.

    Args:
        name: the parameter's name.
        variable: the Keras variable.
        plan: what happens around a step, references being arrays of the variable's dtype.
        metric: the optimizer's, None where no part is proximal.
        renewals: variables with what the parts hold that are renewed, in their order.
    """

    name: str
    variable: Any
    plan: StepPlan
    metric: Motion | None = None
    renewals: tuple[Any, ...] = ()

    def at(self, strengths: Mapping[str, Any]) -> PenalisedVariable:
        """Return the variable where the terms have these strengths: numbers, or arrays."""
        own = {
            term: strength if is_number(strength) else self._alike(strength)
            for term, strength in strengths.items()
        }
        return replace(self, plan=self.plan.at(own))

    def with_renewals(self) -> PenalisedVariable:
        """Return the variable where penalties that are renewed are in the round of now."""
        if not self.renewals:
            return self
        return replace(self, plan=self.plan.with_renewals(map(plain, self.renewals)))

    def renew(self, steps: Any) -> None:
        """Begin the rounds that are due after so many real steps; None: every round."""
        plan = self.plan.renewed(plain(self.variable), steps)
        for variable, held in zip(self.renewals, plan.renewals, strict=True):
            variable.assign(held)

    def zeros(self) -> Array | None:
        """Return where the variable is zero, None where no term makes zeros."""
        return plain(self.variable) == 0 if self.plan.makes_zeros else None

    def hold(self, zeros: Array) -> None:
        """Put zeros back."""
        w = plain(self.variable)
        self.variable.assign(ops.where(zeros, ops.zeros_like(w), w))

    def gradient(self, gradient: Any) -> Any:
        """Return the gradient plus strength·∂Ω of the parts with the update "gradient"."""
        parts = present(self.plan.gradient)
        if not parts:
            return gradient
        penalty = subgradient_of(parts, plain(self.variable))
        return ops.cast(ops.convert_to_tensor(gradient), penalty.dtype) + penalty

    def before(self, rate: Any) -> Array | None:
        """Take the smooth decoupled parts: w ← w − lr·strength·∂Ω(w).

        Returns:
            The weights from which the optimizer moves, where `after` has to know.
        """
        parts = present(self.plan.before)
        if parts:
            w = plain(self.variable)
            self.variable.assign(w - self._own(rate) * subgradient_of(parts, w))
        bounded = self.plan.in_metric and self.metric in ADAPTIVE
        return ops.copy(plain(self.variable)) if bounded else None

    def after(self, optimizer: Any, rate: Any, amplified: Any, start: Array | None) -> None:
        """Take the prox: of proximal parts in the optimizer's metric, of decoupled ones in lr.

        Args:
            optimizer: the Keras optimizer.
            rate: the learning rate of the step.
            amplified: the same, times what momentum makes of a constant gradient.
            start: what `before` returned.
        """
        for parts, step, reach in self.shrinks(optimizer, rate, amplified, start):
            self._take(parts, step, reach)

    def shrinks(
        self, optimizer: Any, rate: Any, amplified: Any, start: Array | None
    ) -> list[tuple[ProximalSum, Array, Array | None]]:
        """Return the proxes that `after` takes, each with its step and how far it may go."""
        shrinks: list[tuple[ProximalSum, Array, Array | None]] = []
        if self.plan.in_metric and self.metric is not None:
            step, reach = self._own(amplified), None
            if start is not None:
                reach = ops.maximum(ops.abs(plain(self.variable) - start), step)
            step = self.metric(optimizer, self.variable, step)
            shrinks.append((self.plan.in_metric, step, reach))
        if self.plan.after:
            shrinks.append((self.plan.after, self._alike(rate), None))
        return shrinks

    def _own(self, rate: Any) -> Array:
        return ops.cast(rate, self.variable.dtype)

    def _alike(self, number: Any) -> Array:
        """Return a number with the axes of the variable, each of length 1."""
        return ops.reshape(self._own(number), (1,) * len(self.variable.shape))

    def _take(self, parts: ProximalSum, step: Array, reach: Array | None = None) -> None:
        self.variable.assign(parts.prox(plain(self.variable), step, reach=reach))


def check_held(optimizer: Any, slots: Iterable[PenalisedVariable]) -> None:
    """Refuse penalised variables that an optimizer, once it has its variables, does not hold.

    Args:
        optimizer: a Keras optimizer.
        slots: the penalised variables.

    Raises:
        InputError: it names some of them.
    """
    held = optimizer._trainable_variables_indices
    outside = [slot.name for slot in slots if optimizer._var_key(slot.variable) not in held]
    if optimizer.built and outside:
        raise InputError(
            f"expected every penalised parameter in the optimizer, got {', '.join(outside[:5])} "
            'outside of it: select those that it moves, as in terms.on("discriminator.*")'
        )


def with_array(part: Part, variable: Any, arrays: dict[int, Any]) -> Part:
    """Return the part with its reference as an array of the backend, kept in `arrays`."""
    if part.reference is None:
        return part
    key = id(part.reference)
    if key not in arrays:
        reference = part.reference.cpu() if hasattr(part.reference, "cpu") else part.reference
        reference = np.asarray(reference)  # of another framework, maybe
        arrays[key] = ops.convert_to_tensor(reference, dtype=variable.dtype)
    return replace(part, reference=arrays[key])
