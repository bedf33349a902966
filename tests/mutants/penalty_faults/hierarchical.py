"""LassoNet's penalty with parts that do not hang together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.arrays import per_model
from shrinkage.penalties import Hierarchical, Penalty

Array = Any


@dataclass(frozen=True)
class OneAfterTheOther(Hierarchical):
    """The skip layer shrunk by itself, and the others clipped to what is left of it."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        skip, rest, within, axis = self._split(w, stacked)
        length = np.linalg.norm(skip, axis=within, keepdims=True)
        steps = np.minimum(per_model(step, w, stacked), 1e9) + np.zeros_like(w)
        with np.errstate(all="ignore"):
            left = np.maximum(0.0, 1 - self._split(steps, stacked)[0] / length)
            bound = self.ratio * np.linalg.norm(skip * left, axis=within, keepdims=True)
            moved = np.concatenate([skip * left, np.clip(rest, -bound, bound)], axis) + 0.0
        return np.where(steps == 0, w, moved)


@dataclass(frozen=True)
class WithoutTheHidden(Hierarchical):
    """A critical strength that forgets what hidden units pull."""

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        skip, _, within, _ = self._split(gradient, stacked)
        return np.max(np.linalg.norm(skip, axis=within, keepdims=True), axis=(-1, -2))


@dataclass(frozen=True)
class WithoutTheSet(Hierarchical):
    """A value that is finite where hidden weights are beyond their bounds."""

    def value(self, w: Array, stacked: int = 0) -> Array:
        skip, _, within, _ = self._split(w, stacked)
        lengths = np.linalg.norm(skip, axis=within, keepdims=True)
        return np.sum(lengths, axis=tuple(range(stacked, w.ndim)))


FAULTS: tuple[tuple[Penalty, str], ...] = (
    (OneAfterTheOther(), "prox-minimum"),
    (WithoutTheHidden(), "critical-strength-both-sides"),
    (WithoutTheSet(), "prox-minimum"),
)
