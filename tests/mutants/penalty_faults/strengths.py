"""Critical strengths that are wrong, and penalties that take their strength wrongly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.penalties import L1, ElasticNet, Penalty
from tests.penalties.firm import Firm

Array = Any


@dataclass(frozen=True)
class DoubleCritical(L1):
    """A critical strength that is twice too large."""

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        return 2 * super().critical_strength(gradient, stacked)


@dataclass(frozen=True)
class SmallGradients(L1):
    """A critical strength that is twice too large where the gradient is small."""

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        critical = super().critical_strength(gradient, stacked)
        return np.where(critical < 0.05, 2 * critical, critical)


@dataclass(frozen=True)
class RatioForgotten(ElasticNet):
    """A critical strength without the division by l1_ratio."""

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        return L1().critical_strength(gradient, stacked)


@dataclass(frozen=True)
class StrengthInTheValue(Firm):
    """A penalty that carries its strength, which then counts twice."""

    def value(self, w: Array, stacked: int = 0) -> Array:
        return self.strength * super().value(w, stacked)


@dataclass(frozen=True)
class KneeAtTheRoot(Firm):
    """A knee at knee·√strength."""

    def at(self, strength: Any) -> Firm:
        return super().at(strength**0.5)


@dataclass(frozen=True)
class StrengthsMultiply(Firm):
    """A strength on top of the one before, where strengths vary in training."""

    def at(self, strength: Any) -> Firm:
        return super().at(self.strength * strength)


@dataclass(frozen=True)
class MeanStrength(Firm):
    """One knee for all models of a stack."""

    def at(self, strength: Any) -> Firm:
        return super().at(float(np.mean(strength)))


FAULTS: tuple[tuple[Penalty, str], ...] = (
    (DoubleCritical(), "critical-strength-both-sides"),
    (RatioForgotten(0.5), "critical-strength-both-sides"),
    (SmallGradients(), "critical-strength-scales"),
    (StrengthInTheValue(), "at-strength"),
    (KneeAtTheRoot(), "at-strength"),
    (StrengthsMultiply(), "at-strength"),
    (MeanStrength(), "at-stacked-strengths"),
)
