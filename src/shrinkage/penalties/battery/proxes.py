"""Promises about the prox: it is the minimizer, in every metric, with clean zeros."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from shrinkage.penalties.battery.comparing import STEP, same_bits
from shrinkage.penalties.battery.subjects import Subject


def _objective(subject: Subject, u: np.ndarray, w: np.ndarray, step: Any) -> float:
    return float(np.sum((u - w) ** 2 / (2 * step)) + subject.value(u))


def _rivals(u: np.ndarray, w: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield points that must not beat the prox u: far ones, and near ones in many directions."""
    yield from (w, np.zeros_like(w), 2 * u - w, rng.standard_normal(w.shape))
    for scale in (1e-1, 1e-3):
        yield from (u * (1 - scale), u * (1 + scale), u + scale * (w - u), u - scale * (w - u))
        for _ in range(6):
            yield u + scale * rng.standard_normal(w.shape)
        for index in np.ndindex(w.shape):
            for sign in (-1.0, 1.0):
                rival = u.copy()
                rival[index] += sign * scale
                yield rival


def prox_minimum(subject: Subject) -> None:
    """The prox is no worse than any rival on its own objective (convex or not)."""
    rng = subject.rng()
    for step in (STEP, 10 * STEP):
        w = subject.weights(rng)
        u = subject.prox(w, step)
        assert u.shape == w.shape, f"expected the shape {w.shape}, got {u.shape}"
        mine = _objective(subject, u, w, step)
        for rival in _rivals(u, w, rng):
            its = _objective(subject, rival, w, step)
            assert mine <= its + 1e-12 * (1 + abs(its)), (
                f"w = {w}, step {step}: the prox {u} has objective {mine}, but {rival} has {its}"
            )


def _three_points(subject: Subject, w: np.ndarray, step: Any, rng: np.random.Generator) -> None:
    u = subject.prox(w, step)
    mine = _objective(subject, u, w, step)
    for rival in _rivals(u, w, rng):
        its = _objective(subject, rival, w, step)
        gained = float(np.sum((rival - u) ** 2 / (2 * step)))
        assert mine + gained <= its + 1e-11 * (1 + abs(its)), (
            f"w = {w}, step = {step}: prox {u} breaks the three-point inequality with {rival}: "
            f"{mine} + {gained} > {its}"
        )


def prox_three_points(subject: Subject) -> None:
    """F(u) + ‖v − u‖²/(2 step) <= F(v) for all v: the prox of a convex penalty, sharply."""
    rng = subject.rng()
    for step in (STEP, 10 * STEP):
        _three_points(subject, subject.weights(rng), step, rng)


def prox_diagonal_metric(subject: Subject) -> None:
    """The same with one step per weight, over a factor of a thousand."""
    rng = subject.rng()
    for middle in (0.1, STEP, 1.0):
        step = middle * 10 ** rng.uniform(-1.5, 1.5, subject.shape)
        _three_points(subject, subject.weights(rng), step, rng)


def prox_zeros_are_positive(subject: Subject) -> None:
    """Every exact zero that a prox returns is +0.0."""
    rng = subject.rng()
    w = subject.weights(rng)
    w.flat[0] = -0.0
    steps = (STEP, 1e3, math.inf, 10 ** rng.uniform(-1, 3, subject.shape))
    for step in steps:
        u = subject.prox(w, step)
        wrong = (u == 0) & np.signbit(u)
        assert not wrong.any(), f"w = {w}, step = {step}: expected zeros of +0.0, got {u}"


def prox_step_zero(subject: Subject) -> None:
    """Where the step is 0 the weights come back bit for bit, −0.0 and infinities included."""
    rng = subject.rng()
    w = subject.weights(rng, 3)
    w[:, *(0,) * len(subject.shape)] = -0.0
    w[1].flat[-1] = math.inf
    same_bits(subject.prox(w[0], 0.0), w[0], "step 0.0")
    same_bits(subject.prox(w, np.zeros(3), 1), w, "a step of 0 for each model")
    mixed = subject.prox(w, np.array([STEP, 0.0, STEP]), 1)
    same_bits(mixed[1], w[1], "a step of 0 for one model of three")
    step = np.full(subject.shape, STEP)
    step.flat[0] = 0.0
    same_bits(subject.prox(w[0], step).flat[:1], w[0].flat[:1], "a step of 0 for one weight")
