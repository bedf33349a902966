"""Functions of singular values with a wrong threshold, rank, orientation or metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.arrays import per_model
from shrinkage.penalties import NuclearNorm, Orthogonal, Penalty, Rank, SoftOrthogonality

Array = Any


@dataclass(frozen=True)
class Frobenius(NuclearNorm):
    """The root of Σσ² in the value."""

    def value(self, w: Array, stacked: int = 0) -> Array:
        return np.sqrt(np.sum(w * w, axis=tuple(range(stacked, w.ndim))))


@dataclass(frozen=True)
class FullRankGradient(NuclearNorm):
    """U·Vᵀ with the directions of singular values that are zero."""

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        return Orthogonal(rows=self.rows).prox(w, 1.0, stacked)


@dataclass(frozen=True)
class HardThreshold(NuclearNorm):
    """Singular values above the step stay as they are."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        soft, steps = super().prox(w, step, stacked), per_model(step, w, stacked)
        hard = np.where(soft == 0, 0.0, soft + np.minimum(steps, 9) * self.gradient(soft, stacked))
        return np.where(steps == 0, w, hard)


@dataclass(frozen=True)
class FrobeniusCritical(NuclearNorm):
    """The norm of the whole gradient, not its largest singular value."""

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        return np.linalg.norm(np.reshape(gradient, (*gradient.shape[:stacked], -1)), axis=-1)


@dataclass(frozen=True)
class SmallestStay(Rank):
    """The smallest singular values stay."""

    def projected(self, w: Array, step: Array, stacked: int) -> Array:
        return w - super().projected(w, step, stacked)


@dataclass(frozen=True)
class RankTimesStrength(Rank):
    """A rank that grows with the strength."""

    def at(self, strength: Any) -> Rank:
        return super().at(3.0 if strength < 1.5 else 1.5)


@dataclass(frozen=True)
class WithoutQuarter(SoftOrthogonality):
    """A value that forgets its quarter."""

    def value(self, w: Array, stacked: int = 0) -> Array:
        return 4 * super().value(w, stacked)


@dataclass(frozen=True)
class OneNewtonStep(SoftOrthogonality):
    """A gradient step in place of the prox."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        steps = per_model(np.minimum(step, 1e3), w, stacked)
        return np.where(steps == 0, w, w - steps * self.gradient(w, stacked) + 0.0)


@dataclass(frozen=True)
class NormalizedRows(Orthogonal):
    """Rows of length one, which are not orthogonal."""

    def projected(self, w: Array, step: Array, stacked: int) -> Array:  # noqa: ARG002
        within = tuple(range(stacked + 1, w.ndim))
        return w / np.sqrt(np.sum(w * w, axis=within, keepdims=True))


FAULTS: tuple[tuple[Penalty, str], ...] = (
    (Frobenius(), "gradient-finite-differences"),
    (FullRankGradient(), "gradient-where-nonsmooth"),
    (HardThreshold(), "prox-minimum"),
    (FrobeniusCritical(), "critical-strength-both-sides"),
    (SmallestStay(), "prox-minimum"),
    (RankTimesStrength(), "prox-is-projection"),
    (WithoutQuarter(), "gradient-finite-differences"),
    (OneNewtonStep(), "prox-minimum"),
    (NormalizedRows(), "prox-is-projection"),
)
