"""Networks in NumPy whose penalty arrives with a wrong factor, or not in proportion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shrinkage import L1, L2
from tests.mutants.audit_faults.records import Audited, NeutralAudit, fault
from tests.mutants.audit_faults.scratch import (
    MATRICES,
    RATE,
    ROWS,
    STRENGTH,
    added,
    descend,
    gradients,
    start,
)

# What a loop adds to the gradient of one array: of the weights, their gradient and the strength.
Slope = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


def with_slope(slope: Slope, terms: object, rate: float = RATE) -> Audited:
    """Audit a plain loop that adds a penalty's slope, right or wrong, to the gradient."""

    def step(scale: float):
        before = start()
        slopes = gradients(before)
        extra = {name: slope(before[name], slopes[name], scale * STRENGTH) for name in MATRICES}
        slopes = added(slopes, extra, MATRICES)
        return before, descend(before, slopes, rate), slopes

    return NeutralAudit(step, terms, rate)


def with_change(change: Slope, terms: object, dtype: type = np.float64) -> Audited:
    """Audit a plain loop that changes the weights themselves after the step."""

    def step(scale: float):
        before = start(dtype)
        slopes = gradients(before)
        after = descend(before, slopes)
        for name in MATRICES:
            after[name] = change(before[name], after[name], scale * STRENGTH).astype(dtype)
        return before, after, slopes

    return NeutralAudit(step, terms, RATE)


@fault("numpy", "wrong-factor", source="https://github.com/tensorflow/addons/issues/2282")
def decay_not_multiplied_by_the_rate() -> Audited:
    """w −= λ·w, while the strength was carried over from a library with w −= lr·λ·w."""
    terms = (STRENGTH * L2()).with_update("decoupled")
    return with_change(lambda w, new, strength: new - strength * w, terms)


@fault("numpy", "wrong-factor")
def rate_applied_twice() -> Audited:
    """lr·λ·w is added to a gradient that the step multiplies by lr again."""
    return with_slope(lambda w, g, strength: RATE * strength * w, STRENGTH * L2())  # noqa: ARG005


@fault("numpy", "wrong-factor", source="https://github.com/scikit-learn/scikit-learn/issues/10477")
def divided_by_the_samples() -> Audited:
    """(xᵀδ + λw)/n with a strength that was meant for a mean loss."""
    return with_slope(lambda w, g, strength: strength * w / ROWS, STRENGTH * L2())  # noqa: ARG005


@fault("numpy", "wrong-factor")
def per_sample_and_not_averaged() -> Audited:
    """Every sample's backward pass adds λw once."""

    def slope(w: np.ndarray, g: np.ndarray, strength: float) -> np.ndarray:  # noqa: ARG001
        return sum((strength * w for _ in range(ROWS)), np.zeros_like(w))

    return with_slope(slope, STRENGTH * L2())


@fault("numpy", "wrong-factor", source="https://github.com/lightly-ai/lightly/issues/1977")
def averaged_over_the_world() -> Audited:
    """Only rank 0 of 4 adds the penalty, and the gradients are averaged over the ranks."""
    world = 4

    def step(scale: float):
        before = start()
        parts = []
        for rank in range(world):
            part = gradients(before, rows=slice(rank, None, world))
            extra = {name: scale * STRENGTH * before[name] for name in MATRICES}
            parts.append(added(part, extra, MATRICES if rank == 0 else ()))
        slopes = {name: np.mean([p[name] for p in parts], axis=0) for name in before}
        return before, descend(before, slopes), slopes

    return NeutralAudit(step, STRENGTH * L2(), RATE)


@fault("numpy", "wrong-factor")
def threshold_without_the_rate() -> Audited:
    """Soft-thresholding by λ, where the step of a proximal operator is lr·λ."""

    def change(w: np.ndarray, new: np.ndarray, strength: float) -> np.ndarray:  # noqa: ARG001
        return new - np.clip(new, -strength, strength)

    return with_change(change, (STRENGTH * L1()).with_update("proximal"))


@fault("numpy", "not-linear", "wrong-factor")
def squared_strength() -> Audited:
    """λ is multiplied in by the penalty and once more by the loop."""
    return with_slope(lambda w, g, strength: strength**2 * w, STRENGTH * L2())  # noqa: ARG005


@fault("numpy", "not-linear", "wrong-factor",
       source="https://github.com/HorizonRobotics/alf/pull/1302")  # fmt: skip
def strength_only_asked_whether_it_is_zero() -> Audited:
    """if λ > 0: w·(1 − lr), in which λ itself was forgotten."""
    return with_change(
        lambda w, new, strength: new - RATE * w if strength > 0 else new, STRENGTH * L2()
    )


@fault("numpy", "wrong-update", source="https://github.com/flagos-ai/FlagGems/issues/4988")
def decay_beside_the_moments() -> Audited:
    """An Adam with coupled decay that applies AdamW's rule: λw never enters the moments."""

    def step(scale: float):
        before = start()
        slopes = gradients(before)
        after = {n: w - RATE * slopes[n] / (np.abs(slopes[n]) + 1e-8) for n, w in before.items()}
        for name in MATRICES:
            after[name] = after[name] - RATE * scale * STRENGTH * before[name]
        return before, after, slopes

    return NeutralAudit(step, (STRENGTH * L2()).with_update("gradient"), RATE, "gradient")


@fault("numpy", "wrong-factor")
def soft_threshold_three_times_too_far_on_many_weights() -> Audited:
    """16,384 weights, of which a third go to zero: the factor is found by trying, on some first."""
    w = np.random.default_rng(3).normal(size=(128, 128))

    def step(scale: float):
        step = 3 * RATE * scale
        return {"w": w}, {"w": np.sign(w) * np.maximum(np.abs(w) - step, 0)}

    return NeutralAudit(step, 1.0 * L1(), RATE)
