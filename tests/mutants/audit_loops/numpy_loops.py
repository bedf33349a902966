"""Correct loops in plain NumPy: penalties in the gradient, decay, proximal steps, momentum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shrinkage import L1, L2, GroupLasso, everything
from tests.mutants.audit_faults.records import Audited, Loop, NeutralAudit, loop
from tests.mutants.audit_faults.scratch import (
    MATRICES,
    RATE,
    STRENGTH,
    added,
    descend,
    gradients,
    start,
)

Slope = Callable[[np.ndarray], np.ndarray]


def in_the_gradient(slope: Slope, terms: object, dtype: type = np.float64) -> Audited:
    """Audit plain SGD with strength·slope(w) in the gradient; gradients are returned."""

    def step(scale: float):
        before = start(dtype)
        extra = {n: (scale * STRENGTH * slope(before[n])).astype(dtype) for n in MATRICES}
        slopes = added(gradients(before), extra, MATRICES)
        return before, descend(before, slopes), slopes

    return NeutralAudit(step, terms, RATE)


def by_columns(w: np.ndarray) -> np.ndarray:
    """Return the slope of Σ √|g| ‖w_g‖ with one group a column."""
    return np.sqrt(len(w)) * w / np.sqrt((w**2).sum(0, keepdims=True))


_PENALTIES: tuple[tuple[str, Slope, object], ...] = (
    ("l2", lambda w: w, STRENGTH * L2()),
    ("l1", np.sign, STRENGTH * L1()),
    ("elastic-net", lambda w: 0.5 * np.sign(w) + 0.5 * w, STRENGTH / 2 * (L1()) + 0.05 * L2()),
    ("group-lasso", by_columns, STRENGTH * GroupLasso(axes=(1,))),
)

IN_THE_GRADIENT = tuple(
    Loop(
        f"numpy-{name}-{dtype.__name__}",
        "numpy",
        lambda slope=slope, terms=terms, dtype=dtype: in_the_gradient(slope, terms, dtype),
    )
    for name, slope, terms in _PENALTIES
    for dtype in (np.float64, np.float32)
)


@loop("numpy")
def numpy_sgd_seen_by_the_weights() -> Audited:
    """L2 in the gradient, of which only the weights tell."""

    def step(scale: float):
        before = start()
        extra = {name: scale * STRENGTH * before[name] for name in MATRICES}
        return before, descend(before, added(gradients(before), extra, MATRICES))

    return NeutralAudit(step, STRENGTH * L2(), RATE)


@loop("numpy")
def numpy_momentum() -> Audited:
    """Momentum that has been running: its buffer is the same in every call."""

    def step(scale: float):
        before = start(np.float32)
        velocity = {name: np.full_like(w, 0.01) for name, w in before.items()}
        extra = {name: np.float32(scale * STRENGTH) * before[name] for name in MATRICES}
        slopes = added(gradients(before), extra, MATRICES)
        velocity = {n: np.float32(0.9) * v + slopes[n] for n, v in velocity.items()}
        return before, descend(before, velocity), slopes

    return NeutralAudit(step, STRENGTH * L2(), RATE)


@loop("numpy")
def numpy_decay_before_the_step() -> Audited:
    """w ← w·(1 − lr·λ), then the gradient."""

    def step(scale: float):
        before = start()
        slopes = gradients(before)
        shrunk = {
            name: w * (1 - RATE * scale * STRENGTH) if name in MATRICES else w
            for name, w in before.items()
        }
        return before, descend(shrunk, slopes), slopes

    return NeutralAudit(step, STRENGTH * L2(), RATE, "decoupled")


@loop("numpy")
def numpy_proximal_step() -> Audited:
    """Soft-thresholding by lr·λ after the step."""

    def step(scale: float):
        before = start()
        slopes = gradients(before)
        after = descend(before, slopes)
        limit = RATE * scale * STRENGTH
        for name in MATRICES:
            after[name] = after[name] - np.clip(after[name], -limit, limit)
        return before, after, slopes

    return NeutralAudit(step, STRENGTH * L1(), RATE, "proximal")


@loop("numpy")
def numpy_proximal_step_seen_by_the_weights() -> Audited:
    """The same with L2, w/(1 + lr·λ), without gradients, in float32."""

    def step(scale: float):
        before = start(np.float32)
        after = descend(before, gradients(before))
        for name in MATRICES:
            after[name] = after[name] / np.float32(1 + RATE * scale * STRENGTH)
        return before, after

    return NeutralAudit(step, STRENGTH * L2(), RATE)


@loop("numpy")
def numpy_adam() -> Audited:
    """Adam by hand with L2 in the gradient, the gradients returned."""

    def step(scale: float):
        before = start()
        extra = {name: scale * STRENGTH * before[name] for name in MATRICES}
        slopes = added(gradients(before), extra, MATRICES)
        moves = {n: g / (np.sqrt(g**2) + 1e-8) for n, g in slopes.items()}
        return before, descend(before, moves), slopes

    return NeutralAudit(step, STRENGTH * L2(), RATE)


@loop("numpy")
def numpy_seeded_dropout() -> Audited:
    """Dropout whose mask is drawn from a seed in every call."""

    def step(scale: float):
        mask = (np.random.default_rng(7).random(6) < 0.5) * 2.0
        before = start()
        extra = {name: scale * STRENGTH * before[name] for name in MATRICES}
        slopes = added(gradients(before, mask=mask), extra, MATRICES)
        return before, descend(before, slopes), slopes

    return NeutralAudit(step, STRENGTH * L2(), RATE)


@loop("numpy")
def numpy_clipped() -> Audited:
    """Gradients clipped by their norm after the penalty has joined them; returned unclipped."""

    def step(scale: float):
        before = start()
        extra = {name: scale * STRENGTH * before[name] for name in MATRICES}
        slopes = added(gradients(before), extra, MATRICES)
        norm = np.sqrt(sum(float((g**2).sum()) for g in slopes.values()))
        clipped = {name: g * min(1.0, 0.1 / norm) for name, g in slopes.items()}
        return before, descend(before, clipped), slopes

    return NeutralAudit(step, STRENGTH * L2(), RATE)


@loop("numpy")
def numpy_biases_on_purpose() -> Audited:
    """Biases are decayed, and the terms say so."""

    def step(scale: float):
        before = start()
        extra = {name: scale * STRENGTH * w for name, w in before.items()}
        slopes = added(gradients(before), extra, before)
        return before, descend(before, slopes), slopes

    return NeutralAudit(step, (STRENGTH * L2()).on(everything()), RATE)


@loop("numpy")
def numpy_towards_a_reference() -> Audited:
    """λ(w − w₀) in the gradient."""
    reference = {name: 0.5 * w for name, w in start().items()}

    def step(scale: float):
        before = start()
        extra = {name: scale * STRENGTH * (before[name] - reference[name]) for name in MATRICES}
        slopes = added(gradients(before), extra, MATRICES)
        return before, descend(before, slopes), slopes

    return NeutralAudit(step, (STRENGTH * L2()).around(reference), RATE)


@loop("numpy")
def numpy_weak_penalty_in_float32() -> Audited:
    """λ = 1e-5: near the rounding of the weights, and right."""

    def step(scale: float):
        before = start(np.float32)
        extra = {name: np.float32(scale * 1e-5) * before[name] for name in MATRICES}
        slopes = added(gradients(before), extra, MATRICES)
        return before, descend(before, slopes), slopes

    return NeutralAudit(step, 1e-5 * L2(), RATE)
