"""A prox that is not the minimum, or not its exact zeros."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.arrays import per_model
from shrinkage.penalties import L1, L2, BlockLasso, GroupLasso, Penalty
from tests.penalties.firm import Firm

Array = Any


@dataclass(frozen=True)
class HalfThreshold(L1):
    """Soft-thresholding by half the step."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        return super().prox(w, 0.5 * np.asarray(step), stacked)


@dataclass(frozen=True)
class FixedThreshold(L1):
    """A threshold that is not scaled by the step."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        return super().prox(w, np.asarray(step) > 0, stacked)


@dataclass(frozen=True)
class ExplicitStep(L2):
    """A gradient step w·(1 − step) in place of the prox."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        t = np.clip(per_model(step, w, stacked), 0.0, 1.0)
        return np.where(t == 0, w, w * (1 - t) + 0.0)


@dataclass(frozen=True)
class AlmostThreshold(L1):
    """A threshold that is 0.1 percent too large."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        return super().prox(w, 1.001 * np.asarray(step), stacked)


@dataclass(frozen=True)
class NegativeZeros(L1):
    """The textbook sign(w)·max(|w| − t, 0), whose zeros keep the sign."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        t = per_model(step, w, stacked)
        shrunk = np.sign(w) * np.maximum(np.abs(w) - t, 0.0).astype(w.dtype)
        return np.where(t == 0, w, shrunk)


@dataclass(frozen=True)
class StepZeroMoves(L1):
    """Soft-thresholding by 0, which turns −0.0 into +0.0."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        t = per_model(step, w, stacked)
        return w - np.clip(w, -t, t)


@dataclass(frozen=True)
class MeanMetric(L1):
    """One mean step in place of one step per weight."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        if np.ndim(step) == w.ndim > stacked:
            own = tuple(range(stacked, w.ndim))
            step = np.where(step == 0, 0.0, np.mean(step, axis=own, keepdims=True))
        return super().prox(w, step, stacked)


@dataclass(frozen=True)
class ScalarGroupMetric(GroupLasso):
    """The closed form of the group prox with the mean step of each group."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        if np.ndim(step) == w.ndim:
            within, _ = self.within(w, stacked)
            mean = np.mean(step, axis=within, keepdims=True)
            return np.where(np.asarray(step) == 0, w, super().prox(w, mean, stacked))
        return super().prox(w, step, stacked)


@dataclass(frozen=True)
class NoGroupSize(GroupLasso):
    """A prox that forgets √|g|."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        _, root = self.within(w, stacked)
        return super().prox(w, np.asarray(step) / root, stacked)


@dataclass(frozen=True)
class OffAxis(GroupLasso):
    """A prox that groups along the other axis."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        return GroupLasso("output").prox(w, step, stacked)


@dataclass(frozen=True)
class SoftFirm(Firm):
    """Soft-thresholding, which shrinks large weights too."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        return L1().prox(w, step, stacked)


@dataclass(frozen=True)
class MeanMetricFirm(Firm):
    """One mean step in place of one step per weight."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        if np.ndim(step) == w.ndim > stacked:
            own = tuple(range(stacked, w.ndim))
            step = np.where(step == 0, 0.0, np.mean(step, axis=own, keepdims=True))
        return super().prox(w, step, stacked)


@dataclass(frozen=True)
class NeverFlat(Firm):
    """A prox that goes on stretching the weights beyond the knee."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        t, flat = per_model(step, w, stacked), self._flat_from(w, stacked)
        with np.errstate(all="ignore"):
            stretched = L1().prox(w, t, stacked) / (1 - t / flat)
        beyond = (np.abs(w) > flat) & (t < flat) & (t > 0)
        return np.where(beyond, stretched, super().prox(w, step, stacked))


@dataclass(frozen=True)
class LocalMinimum(Firm):
    """For long steps the stationary point 0, although the weight itself is the lower minimum."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        t, flat = per_model(step, w, stacked), self._flat_from(w, stacked)
        local = (t >= flat) & (np.abs(w) <= t)
        return np.where(local, 0.0, super().prox(w, step, stacked)).astype(w.dtype)


@dataclass(frozen=True)
class OtherLocalMinimum(Firm):
    """For long steps the weight itself, although 0 is the lower minimum."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        t, flat = per_model(step, w, stacked), self._flat_from(w, stacked)
        local = (t >= flat) & (np.abs(w) > flat)
        return np.where(local, w, super().prox(w, step, stacked))


@dataclass(frozen=True, repr=False)
class OtherTiles(BlockLasso):
    """A prox that cuts tiles the other way."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        return BlockLasso("1x2").prox(w, step, stacked)


FAULTS: tuple[tuple[Penalty, str], ...] = (
    (StepZeroMoves(), "prox-step-zero"),
    (NegativeZeros(), "prox-zeros-are-positive"),
    (HalfThreshold(), "prox-minimum"),
    (FixedThreshold(), "prox-minimum"),
    (ExplicitStep(), "prox-minimum"),
    (NoGroupSize(), "prox-minimum"),
    (OffAxis(), "prox-minimum"),
    (OtherTiles("2x1"), "prox-minimum"),
    (SoftFirm(), "prox-minimum"),
    (AlmostThreshold(), "prox-three-points"),
    (MeanMetric(), "prox-diagonal-metric"),
    (ScalarGroupMetric(), "prox-diagonal-metric"),
    (MeanMetricFirm(), "prox-diagonal-metric"),
    (NeverFlat(), "prox-global-minimum"),
    (LocalMinimum(), "prox-global-minimum"),
    (OtherLocalMinimum(), "prox-global-minimum"),
)
