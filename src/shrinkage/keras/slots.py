"""One penalised variable and what happens to it around the optimizer's step.

Who uses this: the attachment, inside the backend's own train function, traced or not: nothing here
looks at a value. Parts of strength 0 are not there at all, so that they change no bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shrinkage.arrays import Array
from shrinkage.keras.arrays import ops, plain
from shrinkage.keras.metrics import Motion
from shrinkage.penalties import Part, ProximalSum, closed_form, slope_of, smooth_and_kinked
from shrinkage.terms import AssignedPart


@dataclass(frozen=True, eq=False)
class Slot:
    """A variable with its parts, by update.

    Args:
        name: the parameter's name.
        variable: the Keras variable.
        parts: all of them, with references as arrays of the variable's dtype.
        metric: the optimizer's, None where no part is proximal.
    """

    name: str
    variable: Any
    parts: tuple[AssignedPart, ...]
    metric: Motion | None = None

    def _live(self, update: str) -> list[Part]:
        return [
            Part(part.strength, part.penalty, part.reference)
            for part in self.parts
            if part.update == update and part.strength > 0
        ]

    @property
    def has_kinks(self) -> bool:
        """Whether a part makes exact zeros."""
        after = self._live("proximal") + self._live("decoupled")
        return bool(smooth_and_kinked(after)[1])

    def gradient(self, gradient: Any) -> Any:
        """Return the gradient plus strength·∂Ω of the parts with the update "gradient"."""
        parts = self._live("gradient")
        if not parts:
            return gradient
        slope = slope_of(parts, plain(self.variable))
        return ops.cast(ops.convert_to_tensor(gradient), slope.dtype) + slope

    def before(self, rate: Array) -> None:
        """Take the smooth decoupled parts: w ← w − lr·strength·∂Ω(w)."""
        smooth = smooth_and_kinked(self._live("decoupled"))[0]
        if smooth:
            w = plain(self.variable)
            self.variable.assign(w - rate * slope_of(smooth, w))

    def after(self, optimizer: Any, rate: Array) -> None:
        """Take the prox: of proximal parts in the optimizer's metric, of decoupled ones in lr."""
        proximal, kinked = (
            closed_form(parts)
            for parts in (
                self._live("proximal"),
                smooth_and_kinked(self._live("decoupled"))[1],
            )
        )
        if proximal.parts and self.metric is not None:
            self._take(proximal, self.metric(optimizer, self.variable, rate))
        if kinked.parts:
            self._take(kinked, ops.reshape(rate, (1,) * len(self.variable.shape)))

    def _take(self, parts: ProximalSum, step: Array) -> None:
        self.variable.assign(parts.prox(plain(self.variable), step))


def with_array(part: AssignedPart, variable: Any) -> AssignedPart:
    """Return the part with its reference as an array of the backend."""
    if part.reference is None:
        return part
    given = part.reference.cpu() if hasattr(part.reference, "cpu") else part.reference
    given = np.asarray(given)  # of another framework, maybe
    return replace(part, reference=ops.convert_to_tensor(given, dtype=variable.dtype))
