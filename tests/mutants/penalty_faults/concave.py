"""Concave penalties that take another minimum, jump elsewhere, or say a wrong longest step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.penalties import L0, L1, MCP, SCAD, LHalf, LogSum, Penalty, SparseGroupLasso

Array = Any


@dataclass(frozen=True)
class NeverHard(MCP):
    """Firm thresholding at steps for which it is no minimum."""

    def shrunk(self, size: Array, step: Array, shape: Array) -> Array:
        return super().shrunk(size, np.minimum(step, 0.99 * self.gamma * shape), shape)


@dataclass(frozen=True)
class KneeAtGamma(MCP):
    """A knee at γ, whatever the strength."""

    def at(self, strength: Any) -> MCP:  # noqa: ARG002
        return type(self)(self.gamma, 1.0)

    def longest_step(self) -> Any:
        return 2 * super().longest_step()


@dataclass(frozen=True)
class SoftToTheEnd(SCAD):
    """A second knee at γ − 1."""

    def slope(self, size: Array, shape: Array) -> Array:
        return type(self)(self.gamma - 0.4).slope(size, shape) if self.gamma > 2.5 else size * 0


@dataclass(frozen=True)
class FirstMinimum(SCAD):
    """At long steps the minimum next to 0, although the weight itself is lower."""

    def shrunk(self, size: Array, step: Array, shape: Array) -> Array:
        near = np.clip(size - np.minimum(size, step), 0.0, shape)
        right = (step < (self.gamma - 1) * shape) | np.isinf(size)
        return np.where(right, super().shrunk(size, step, shape), near)


@dataclass(frozen=True)
class SmallerRoot(LogSum):
    """The larger root wherever there is one, although 0 may be lower."""

    def shrunk(self, size: Array, step: Array, shape: Array) -> Array:  # noqa: ARG002
        e = self.epsilon
        root = np.sqrt(np.maximum((size + e) ** 2 - 4 * step * e, 0.0))
        there = (size + e) ** 2 > 4 * step * e
        return np.where(there, np.maximum(size - e + root, 0.0) / 2, 0.0)


@dataclass(frozen=True)
class ConvexSteps(LogSum):
    """A prox that is said to be single-valued at every step."""

    def longest_step(self) -> float:
        return float("inf")


@dataclass(frozen=True)
class EarlyHalf(LHalf):
    """A threshold of step^⅔, where the larger stationary point is not yet the minimum."""

    def shrunk(self, size: Array, step: Array, shape: Array) -> Array:
        root = super().shrunk(size * 1.2, step, shape) / 1.2
        return np.where(size <= 1.3 * step ** (2 / 3), 0.0, root)


@dataclass(frozen=True)
class RootOfStep(L0):
    """Hard thresholding at √step."""

    def shrunk(self, size: Array, step: Array, shape: Array) -> Array:
        return super().shrunk(size, step / 2, shape)


@dataclass(frozen=True)
class ThresholdAlone(SparseGroupLasso):
    """The critical strength of the thresholds, as if there were no groups."""

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        return L1().critical_strength(gradient, stacked) / self.l1_ratio


FAULTS: tuple[tuple[Penalty, str], ...] = (
    (NeverHard(), "prox-global-minimum"),
    (KneeAtGamma(), "prox-single-valued"),
    (SoftToTheEnd(), "gradient-finite-differences"),
    (FirstMinimum(), "prox-global-minimum"),
    (SmallerRoot(), "prox-global-minimum"),
    (ConvexSteps(), "prox-single-valued"),
    (EarlyHalf(), "prox-minimum"),
    (RootOfStep(), "prox-minimum"),
    (ThresholdAlone(), "critical-strength-both-sides"),
)
