"""Constraints whose projection forgets the metric, is outside, or does not follow the strength."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.penalties import Cardinality, MaxNorm, NOfM, NonNegative, Penalty

Array = Any


@dataclass(frozen=True)
class EvenBall(MaxNorm):
    """Groups are scaled by one number in every metric."""

    def projected(self, w: Array, step: Array, stacked: int) -> Array:  # noqa: ARG002
        return super().projected(w, np.asarray(1.0, w.dtype), stacked)


@dataclass(frozen=True)
class WiderBall(MaxNorm):
    """A projection onto a ball that is 1 % too large."""

    def projected(self, w: Array, step: Array, stacked: int) -> Array:
        return super().projected(w / 1.01, step, stacked) * 1.01


@dataclass(frozen=True)
class RadiusTimesStrength(MaxNorm):
    """A radius that grows with the strength."""

    def _radius(self, w: Array, stacked: int) -> Array:
        return self.radius**2 / super()._radius(w, stacked)


@dataclass(frozen=True)
class LargestAlone(Cardinality):
    """The largest magnitudes, whatever the metric."""

    def projected(self, w: Array, step: Array, stacked: int) -> Array:
        return super().projected(w, 0 * step + 1, stacked)


@dataclass(frozen=True)
class FirstOfARow(NOfM):
    """The first weights of each row stay, not the largest."""

    def projected(self, w: Array, step: Array, stacked: int) -> Array:  # noqa: ARG002
        order = np.arange(w.shape[stacked + 1]).reshape(-1, *(1,) * (w.ndim - stacked - 2))
        return np.where(order % self.of < self.stay, w, 0 * w)


@dataclass(frozen=True)
class Mirrored(NonNegative):
    """|w|, which is not negative either."""

    def projected(self, w: Array, step: Array, stacked: int) -> Array:  # noqa: ARG002
        return np.abs(w)


FAULTS: tuple[tuple[Penalty, str], ...] = (
    (EvenBall(), "prox-diagonal-metric"),
    (WiderBall(), "prox-minimum"),
    (RadiusTimesStrength(), "prox-is-projection"),
    (LargestAlone(), "prox-is-projection"),
    (FirstOfARow(), "prox-is-projection"),
    (Mirrored(), "prox-minimum"),
)
