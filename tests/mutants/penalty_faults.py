"""Penalties with one seeded fault each, and the check of the battery that must catch it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.arrays import model_axes, per_model
from shrinkage.penalties import L1, L2, Combination, ElasticNet, GroupLasso, Penalty
from tests.penalties.firm import Firm

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
class SmoothLie(L1):
    """A nonsmooth penalty that calls itself smooth."""

    smooth = True


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
            within, _ = self._groups(w, stacked)
            mean = np.mean(step, axis=within, keepdims=True)
            return np.where(np.asarray(step) == 0, w, super().prox(w, mean, stacked))
        return super().prox(w, step, stacked)


@dataclass(frozen=True)
class NoGroupSize(GroupLasso):
    """A prox that forgets √|g|."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        _, root = self._groups(w, stacked)
        return super().prox(w, np.asarray(step) / root, stacked)


@dataclass(frozen=True)
class OffAxis(GroupLasso):
    """A prox that groups along the other axis."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        return GroupLasso("output").prox(w, step, stacked)


@dataclass(frozen=True)
class NaiveNorm(GroupLasso):
    """A gradient w/‖w‖, NaN at a zero group."""

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        within, root = self._groups(w, stacked)
        with np.errstate(all="ignore"):
            return root * w / np.sqrt(np.sum(w * w, axis=within, keepdims=True))


@dataclass(frozen=True)
class OverflowingNorm(GroupLasso):
    """A value by plain squares, which overflow, and a gradient from them."""

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        within, root = self._groups(w, stacked)
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
class Upcast(L1):
    """A prox that multiplies by a float64 and returns float64."""

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        return super().prox(w, step, stacked) * np.ones(1)


@dataclass(frozen=True)
class SinglePrecision(L1):
    """A value that is computed in float32 whatever the weights are."""

    def value(self, w: Array, stacked: int = 0) -> Array:
        return super().value(w.astype(np.float32), stacked).astype(w.dtype)


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
    (SmoothLie(), "smooth-flag"),
    (ConvexLie(), "convex-flag"),
    (SeparableLie(), "separable-flag"),
    (StepZeroMoves(), "prox-step-zero"),
    (NegativeZeros(), "prox-zeros-are-positive"),
    (HalfThreshold(), "prox-minimum"),
    (FixedThreshold(), "prox-minimum"),
    (ExplicitStep(), "prox-minimum"),
    (NoGroupSize(), "prox-minimum"),
    (OffAxis(), "prox-minimum"),
    (SoftFirm(), "prox-minimum"),
    (AlmostThreshold(), "prox-three-points"),
    (MeanMetric(), "prox-diagonal-metric"),
    (ScalarGroupMetric(), "prox-diagonal-metric"),
    (MeanMetricFirm(), "prox-diagonal-metric"),
    (NeverFlat(), "prox-global-minimum"),
    (LocalMinimum(), "prox-global-minimum"),
    (OtherLocalMinimum(), "prox-global-minimum"),
    (RidgeLie(), "combines-flag"),
    (SquareOfSum(), "combines-flag"),
    (StackedTotal(), "stacked-is-one-at-a-time"),
    (MixedModels(), "stacked-is-one-at-a-time"),
    (LeakyDivergence(), "nan-stays-in-its-model"),
    (HidesDivergence(), "nan-stays-in-its-model"),
    (DoubleCritical(), "critical-strength-both-sides"),
    (RatioForgotten(0.5), "critical-strength-both-sides"),
    (SmallGradients(), "critical-strength-scales"),
    (OverflowingNorm(), "extreme-magnitudes"),
    (Upcast(), "dtype-kept"),
    (WrongParts(0.5), "parts-add-up"),
    (StrengthInTheValue(), "at-strength"),
    (KneeAtTheRoot(), "at-strength"),
    (StrengthsMultiply(), "at-strength"),
    (MeanStrength(), "at-stacked-strengths"),
)
