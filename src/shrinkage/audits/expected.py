"""What the terms on one parameter should do in one step, in float64.

Who uses this: `measure`. Three mechanisms: "gradient" (the penalty's gradient joins the data's),
"decoupled" (smooth parts shrink the old weights, the others act on the moved ones) and "proximal"
(the prox of all parts acts on the moved weights, with the scalar step lr·strength).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shrinkage.terms import Part, closed_form, smooth_and_nonsmooth, subgradient_of

Array = Any
MECHANISMS = ("gradient", "decoupled", "proximal")
_PIECE = 1 << 15  # weights at a time: a dozen arrays of them stay in the cache


@dataclass(frozen=True, eq=False)
class Expectation:
    """The parts of one parameter's terms at scale 1."""

    parts: tuple[Part, ...]

    def scaled(self, factor: float) -> Expectation:
        """Return the expectation at other strengths."""
        return Expectation(tuple(replace(p, strength=p.strength * factor) for p in self.parts))

    @property
    def is_separable(self) -> bool:
        """Whether every weight can be looked at by itself."""
        return all(part.penalty.separable for part in self.parts)

    def slope(self, w: Array) -> Array:
        """Return Σ strength·∂Ω(w − reference)."""
        return subgradient_of(self.parts, w)

    def change(self, mechanism: str, w: Array, moved: Array, rate: Any) -> Array:
        """Return how far a mechanism brings the weights from `moved`.

        Args:
            mechanism: one of `MECHANISMS`.
            w: the weights before the step.
            moved: where the data's gradient alone brings them.
            rate: the learning rate; of a prox also one per weight.
        """
        if mechanism == "gradient":
            return -rate * self.slope(w)
        if mechanism == "proximal":
            return closed_form(self.parts).prox(moved, rate) - moved
        smooth, nonsmooth = smooth_and_nonsmooth(self.parts)
        decayed = moved - rate * subgradient_of(smooth, w)
        return (closed_form(nonsmooth).prox(decayed, rate) if nonsmooth else decayed) - moved

    def pieces(self, count: int) -> Iterator[tuple[slice | None, Expectation]]:
        """Yield the stretches that can be looked at one after the other; None is the whole."""
        if not self.is_separable or count <= _PIECE:
            yield None, self
            return
        for start in range(0, count, _PIECE):
            where = slice(start, min(start + _PIECE, count))
            yield where, Expectation(tuple(_cut(part, where) for part in self.parts))


def _cut(part: Part, where: slice) -> Part:
    if part.reference is None:
        return part
    return replace(part, reference=np.ravel(part.reference)[where])
