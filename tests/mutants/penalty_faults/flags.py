"""Penalties that say of themselves what they are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.arrays import model_axes, per_model
from shrinkage.penalties import L1, L2, Combination, ElasticNet, GroupLasso, Penalty
from tests.penalties.firm import Firm

Array = Any


@dataclass(frozen=True)
class SmoothLie(L1):
    """A nonsmooth penalty that calls itself smooth."""

    smooth = True


@dataclass(frozen=True)
class WrongParts(ElasticNet):
    """Parts that do not add up to the penalty."""

    def parts(self) -> tuple[tuple[float, Penalty], ...]:
        return ((0.5, L1()), (1.0, L2()))

    def value(self, w: Array, stacked: int = 0) -> Array:
        return ElasticNet(self.l1_ratio).value(w, stacked)

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        return ElasticNet(self.l1_ratio).gradient(w, stacked)

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        return ElasticNet(self.l1_ratio).prox(w, step, stacked)


@dataclass(frozen=True)
class SeparableLie(GroupLasso):
    """A penalty on groups that calls itself a sum over single weights."""

    separable = True


@dataclass(frozen=True)
class RidgeLie(L1):
    """A threshold that says that it folds into the data as ½Σw² does."""

    combines = Combination.RIDGE


@dataclass(frozen=True)
class SquareOfSum(Penalty):
    """½(Σw)², whose prox may not follow a threshold's although it says so."""

    name = "square-of-sum"
    smooth = True
    combines = Combination.GROUP

    def value(self, w: Array, stacked: int = 0) -> Array:
        return 0.5 * np.sum(w, axis=model_axes(w, stacked)) ** 2

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        axes = model_axes(w, stacked)
        return np.broadcast_to(np.sum(w, axis=axes, keepdims=True), w.shape).copy()

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        t, axes = np.broadcast_to(per_model(step, w, stacked), w.shape), model_axes(w, stacked)
        with np.errstate(all="ignore"):
            total = np.sum(w, axis=axes, keepdims=True)
            moved = w - t * (total / (1 + np.sum(t, axis=axes, keepdims=True)))
        return np.where(t == 0, w, moved + 0.0)

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        return L2().critical_strength(gradient, stacked)


@dataclass(frozen=True)
class ConvexLie(Firm):
    """A penalty that is not convex and says that it is."""

    convex = True


FAULTS: tuple[tuple[Penalty, str], ...] = (
    (SmoothLie(), "smooth-flag"),
    (ConvexLie(), "convex-flag"),
    (SeparableLie(), "separable-flag"),
    (RidgeLie(), "combines-flag"),
    (SquareOfSum(), "combines-flag"),
    (WrongParts(0.5), "parts-add-up"),
)
