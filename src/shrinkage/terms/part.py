"""What a term puts on one parameter: the one record from `assign` to the innermost loop.

Who uses this: `assign` makes the parts, `StepPlan` sorts them by what they do around a step, and
every framework and the audit read them. A part's penalty is elementary (sums such as the elastic
net are taken apart) and its axes are those of the parameter.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from shrinkage.arrays import Array, floating_library
from shrinkage.penalties import Combination, Penalty


@dataclass(frozen=True, eq=False)
class Part:
    """strength · penalty(w − reference), and how it enters training.

    Args:
        strength: the strength of its term times `share`: a number, or one per model.
        penalty: elementary, in the shape that it has at that strength.
        reference: an array of the parameter's shape; None is zero.
        update: "loss", "gradient", "decoupled" or "proximal".
        term: the id of its term.
        share: the weight of the elementary penalty in its term's penalty.

    >>> import numpy as np
    >>> from shrinkage.penalties import L1
    >>> float(Part(0.5, L1()).value(np.array([1.0, -3.0])))
    2.0
    """

    strength: Any
    penalty: Penalty
    reference: Array | None = None
    update: str = "proximal"
    term: str = ""
    share: float = 1.0

    @property
    def is_absent(self) -> bool:
        """Whether the strength is the number 0, so that the part does nothing."""
        return isinstance(self.strength, numbers.Real) and self.strength == 0

    @property
    def is_decay(self) -> bool:
        """Whether it is strength · ½Σw² about zero: weight decay, whose gradient is w itself."""
        return self.penalty.combines is Combination.RIDGE and self.reference is None

    def at(self, strength: Any) -> Part:
        """Return the part where its term has another strength.

        >>> from shrinkage.penalties import L1
        >>> Part(0.5, L1(), share=0.5).at(3.0).strength
        1.5
        """
        own = strength if self.share == 1 else strength * self.share
        shaped = self.penalty.at(own)
        return Part(own, shaped, self.reference, self.update, self.term, self.share)  # at each step

    def about(self, w: Array) -> Array:
        """Return w − reference, what the penalty is a function of."""
        if self.reference is None:
            return w
        return w - floating_library(w).cast(self.reference, w)

    def elementary(self) -> tuple[Part, ...]:
        """Return the part with a sum such as the elastic net taken apart.

        >>> from shrinkage.penalties import ElasticNet
        >>> [(part.strength, part.penalty) for part in Part(0.5, ElasticNet(0.5)).elementary()]
        [(0.25, L1()), (0.25, L2())]
        """
        return tuple(
            replace(self, penalty=penalty, share=self.share * weight)._shared(weight)
            for weight, penalty in self.penalty.parts()
        )

    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return strength · penalty(w − reference), one per model."""
        return self.strength * self.penalty_at(w, stacked)

    def penalty_at(self, w: Array, stacked: int = 0) -> Array:
        """Return penalty(w − reference), at least in float32: a sum in 16 bits may be infinite.

        >>> import numpy as np
        >>> from shrinkage.penalties import L1
        >>> float(Part(0.5, L1()).penalty_at(np.full(300, 300.0, np.float16)))
        90000.0
        """
        return self.penalty.value(self.about(floating_library(w).wide(w)), stacked)

    def on_its_units(self, ndim: int) -> Part:
        """Return the part for the array of the units that its penalty is on.

        Args:
            ndim: how many axes one model's array has; a reference may have axes of models.
        """
        units, penalty = self.penalty.on_its_units()
        if units is None:
            return self
        reference = self.reference
        if reference is not None:
            reference = units.take(reference, reference.ndim - ndim)
        return replace(self, penalty=penalty, reference=reference)

    def _shared(self, weight: float) -> Part:
        return self if weight == 1 else replace(self, strength=self.strength * weight)


def subgradient_of(parts: Iterable[Part], w: Array) -> Array:
    """Return Σ strength·∂penalty(w − reference), each the least-norm subgradient.

    Args:
        parts: any, whether their sum has a closed-form prox or not; strengths are numbers.
        w: the weights of one model.

    Returns:
        A new array in the dtype of `w`. (A product with a number keeps it; TensorFlow's cast of a
        number goes by way of float32.)

    >>> import numpy as np
    >>> from shrinkage.penalties import L1, L2
    >>> subgradient_of([Part(2.0, L1()), Part(1.0, L2())], np.array([1.0, -3.0]))
    array([ 3., -5.])
    """
    total = floating_library(w).zeros_like(w)
    for part in parts:
        total = total + part.strength * part.penalty.gradient(part.about(w))
    return total


def present(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return the parts whose strength is not 0: with 0, training is that without them, by bits."""
    return tuple(part for part in parts if not part.is_absent)
