"""A penalty that is a weighted sum of elementary ones: the elastic net, a sparse group lasso.

Who uses this: the penalties that are such sums. `parts` says which; value, gradient and prox
follow. Terms take sums apart, so that their elementary penalties meet others as their own do.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from shrinkage.arrays import Array, floating_library, kept_where_zero, per_model
from shrinkage.penalties.base import Penalty


@dataclass(frozen=True)
class WeightedSum(Penalty):
    """Σ weight · penalty, given by `parts`, in the order in which their proxes follow each other.

    The prox of the sum is the composition of the proxes for thresholds first, then one group norm,
    then ridges.

    Source: Friedman, Hastie and Tibshirani, A note on the group lasso and a sparse group lasso
    (2010).
    """

    @abstractmethod
    def parts(self) -> tuple[tuple[float, Penalty], ...]:
        """Return (weight, elementary penalty) pairs without those of weight 0, at least one."""

    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return Σ weight · penalty(w)."""
        first, *rest = (weight * penalty.value(w, stacked) for weight, penalty in self._weighted(w))
        return sum(rest, first)

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        """Return Σ weight · ∂penalty(w), each the least-norm subgradient."""
        weighted = self._weighted(w)
        first, *rest = (weight * penalty.gradient(w, stacked) for weight, penalty in weighted)
        return sum(rest, first)

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        """Return the proxes of the parts, one after the other."""
        library = floating_library(w)
        steps = per_model(step, w, stacked)
        moved = w
        with library.quiet():
            for weight, penalty in self._weighted(w):
                moved = penalty.prox(moved, weight * steps, stacked)
        return kept_where_zero(steps, w, moved)

    def _weighted(self, w: Array) -> tuple[tuple[Any, Penalty], ...]:
        """Return the parts with their weights in the dtype of `w`."""
        cast = floating_library(w).cast
        return tuple((cast(weight, w), penalty) for weight, penalty in self.parts())
