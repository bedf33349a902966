"""Values and gradients that are wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.penalties import L1, L2, GroupLasso, Penalty

Array = Any


@dataclass(frozen=True)
class WholeSquare(L2):
    """Value Σw² with the gradient and prox of ½Σw²."""

    def value(self, w: Array, stacked: int = 0) -> Array:
        return 2 * super().value(w, stacked)


@dataclass(frozen=True)
class HalfGradient(L2):
    """A gradient that forgets a factor of 2."""

    def gradient(self, w: Array, stacked: int = 0) -> Array:  # noqa: ARG002
        return 0.5 * w


@dataclass(frozen=True)
class AscendingGradient(L1):
    """A gradient with the wrong sign."""

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        return -super().gradient(w, stacked)


@dataclass(frozen=True)
class OneSidedGradient(L1):
    """A gradient of 1 at 0, as autograd of max(w, −w) may give."""

    def gradient(self, w: Array, stacked: int = 0) -> Array:  # noqa: ARG002
        return np.where(w >= 0, 1.0, -1.0).astype(w.dtype)


@dataclass(frozen=True)
class OffsetValue(L1):
    """A value that is not 0 at 0."""

    def value(self, w: Array, stacked: int = 0) -> Array:
        return super().value(w, stacked) + 1.0


@dataclass(frozen=True)
class NegativeValue(L1):
    """A value that is below 0."""

    def value(self, w: Array, stacked: int = 0) -> Array:
        return -super().value(w, stacked)


@dataclass(frozen=True)
class WritesToItsInput(L1):
    """A prox that works in place."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        w[...] = super().prox(w, step, stacked)
        return w.copy()


@dataclass(frozen=True)
class GradientIsTheInput(L2):
    """A gradient that shares the memory of the weights."""

    def gradient(self, w: Array, stacked: int = 0) -> Array:  # noqa: ARG002
        return w


@dataclass(frozen=True)
class Thawed(L1):
    """A penalty without a name of its own."""

    name = ""


@dataclass(frozen=True)
class NaiveNorm(GroupLasso):
    """A gradient w/‖w‖, NaN at a zero group."""

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        within, root = self.within(w, stacked)
        with np.errstate(all="ignore"):
            return root * w / np.sqrt(np.sum(w * w, axis=within, keepdims=True))


@dataclass(frozen=True)
class SinglePrecision(L1):
    """A value that is computed in float32 whatever the weights are."""

    def value(self, w: Array, stacked: int = 0) -> Array:
        return super().value(w.astype(np.float32), stacked).astype(w.dtype)


FAULTS: tuple[tuple[Penalty, str], ...] = (
    (Thawed(), "frozen"),
    (WritesToItsInput(), "input-untouched"),
    (GradientIsTheInput(), "input-untouched"),
    (OffsetValue(), "value-at-zero"),
    (NegativeValue(), "value-nonnegative"),
    (WholeSquare(), "gradient-finite-differences"),
    (HalfGradient(), "gradient-finite-differences"),
    (AscendingGradient(), "gradient-finite-differences"),
    (SinglePrecision(), "gradient-finite-differences"),
    (OneSidedGradient(), "gradient-where-nonsmooth"),
    (NaiveNorm(), "gradient-where-nonsmooth"),
)
