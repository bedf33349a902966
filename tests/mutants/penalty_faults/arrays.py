"""Stacks that mix, numbers that are lost, dtypes that change."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.arrays import per_model
from shrinkage.penalties import L1, GroupLasso, Penalty

Array = Any


@dataclass(frozen=True)
class OverflowingNorm(GroupLasso):
    """A value by plain squares, which overflow, and a gradient from them."""

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        within, root = self.within(w, stacked)
        with np.errstate(all="ignore"):
            length = np.sqrt(np.sum(w * w, axis=within, keepdims=True))
            gradient = root * w / np.where(length == 0, 1.0, length)
        return np.where(np.isfinite(length) | np.isnan(length), gradient, math.nan).astype(w.dtype)


@dataclass(frozen=True)
class MixedModels(GroupLasso):
    """Groups that run across the models of a stack."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        if np.ndim(step) or not stacked:
            return super().prox(w, step, stacked)
        return GroupLasso(axes=(w.ndim - 1,)).prox(w, step)


@dataclass(frozen=True)
class LeakyDivergence(L1):
    """A critical strength from which a sum over all models is added and subtracted."""

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        with np.errstate(all="ignore"):
            return super().critical_strength(gradient, stacked) + 0.0 * np.sum(gradient)


@dataclass(frozen=True)
class HidesDivergence(L1):
    """A gradient that replaces NaN by 0."""

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        return np.nan_to_num(super().gradient(w, stacked))


@dataclass(frozen=True)
class StackedTotal(L1):
    """A value that sums over all models."""

    def value(self, w: Array, stacked: int = 0) -> Array:
        total = super().value(w, stacked)
        return np.full(np.shape(total), np.sum(total))


@dataclass(frozen=True)
class HidesInfinity(L1):
    """A prox that takes an infinite weight for one that is to be zero."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        moved = super().prox(w, step, stacked)
        hidden = np.isinf(moved) & (per_model(step, w, stacked) > 0)
        return np.where(hidden, 0.0, moved).astype(w.dtype)


@dataclass(frozen=True)
class MeanOfNothing(L1):
    """A value by way of a mean, which no weights have not."""

    def value(self, w: Array, stacked: int = 0) -> Array:
        return super().value(w, stacked) if w.size else np.array(math.nan)


@dataclass(frozen=True)
class Upcast(L1):
    """A prox that multiplies by a float64 and returns float64."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        return super().prox(w, step, stacked) * np.ones(1)


FAULTS: tuple[tuple[Penalty, str], ...] = (
    (StackedTotal(), "stacked-is-one-at-a-time"),
    (MixedModels(), "stacked-is-one-at-a-time"),
    (LeakyDivergence(), "nan-stays-in-its-model"),
    (HidesDivergence(), "nan-stays-in-its-model"),
    (HidesInfinity(), "nan-stays-in-its-model"),
    (MeanOfNothing(), "empty-arrays"),
    (OverflowingNorm(), "extreme-magnitudes"),
    (Upcast(), "dtype-kept"),
)
