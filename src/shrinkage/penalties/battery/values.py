"""Promises about values, gradients and critical strengths."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from shrinkage.penalties.battery.subject import Subject


def value_at_zero(subject: Subject) -> None:
    """Ω(0) = 0, a scalar, or one per model."""
    zeros = np.zeros((3, *subject.shape))
    subject.expect_close(subject.value(zeros[0]), 0.0, "Ω(0)")
    subject.expect_close(subject.value(zeros, 1), np.zeros(3), "Ω(0) of three stacked models")


def value_nonnegative(subject: Subject) -> None:
    """Ω(w) >= 0, and more than 0 somewhere."""
    rng = subject.rng()
    values = [float(subject.value(subject.weights(rng))) for _ in range(5)]
    subject.expect(min(values) >= 0, "Ω", "at least 0", min(values))
    subject.expect(max(values) > 0, "Ω", "more than 0 at some of five random points", values)


def gradient_finite_differences(subject: Subject) -> None:
    """The gradient is that of the value, where that is smooth."""
    rng = subject.rng()
    w, h = subject.weights(rng), 1e-5
    expected = np.zeros(subject.shape)
    for index in np.ndindex(subject.shape):
        shift = np.zeros(subject.shape)
        shift[index] = h
        expected[index] = (subject.value(w + shift) - subject.value(w - shift)) / (2 * h)
    subject.expect_close(subject.gradient(w), expected, "∂Ω by central differences", 1e-7)


def gradient_where_nonsmooth(subject: Subject) -> None:
    """With zeros it is the least-norm subgradient: Ω'(w; −g) = −‖g‖², Ω'(w; d) >= g·d."""
    rng, h = subject.rng(), 1e-6
    for w in subject.points_with_zeros(rng):
        g, start = subject.gradient(w), float(subject.value(w))
        along = (float(subject.value(w - h * g)) - start) / h
        square = float(np.sum(g * g))
        near = abs(along + square) / (1 + square) <= 1e-4
        subject.expect(near, "the derivative along −gradient", -square, along, w=w)
        for _ in range(5):
            d = rng.standard_normal(w.shape)
            along = (float(subject.value(w + h * d)) - start) / h
            least = float(np.sum(g * d))
            subject.expect(
                along >= least - 1e-4, "a directional derivative", f">= {least}", along, w=w, d=d
            )
    zeros = np.zeros(subject.shape)
    subject.expect_close(subject.gradient(zeros), zeros, "∂Ω(0)")


def critical_strength_both_sides(subject: Subject) -> None:
    """From w = 0 a step against the gradient is undone above the critical strength, not below.

    Where the penalty is not convex, only a short step shows that 0 is stationary: a long one may
    reach another minimum.
    """
    rng, penalty = subject.rng(), subject.penalty

    def step_from_zero(g: np.ndarray, rate: float, strength: float) -> np.ndarray:
        shaped = dataclasses.replace(subject, penalty=penalty.at(strength))
        return shaped.prox(-rate * g, rate * strength)

    for rate in (0.1, 1.0) if penalty.convex else (1e-3, 1e-2):
        g = subject.weights(rng)
        critical = float(subject.critical_strength(g))
        if critical == 0 and not penalty.convex:  # infinitely steep at 0: any strength will do
            short = step_from_zero(g, 1e-9, 1e-2)
            subject.expect(not short.any(), "a short step at any strength", "all zeros", short)
            continue
        subject.expect(critical > 0, "a critical strength", "more than 0", critical, gradient=g)
        if math.isfinite(critical):
            above = step_from_zero(g, rate, critical * (1 + 1e-9))
            what = f"the step above the critical strength {critical}"
            subject.expect(not above.any(), what, "all zeros", above, gradient=g)
        below = step_from_zero(g, rate, min(critical * (1 - 1e-9), 1e6))
        what = f"the step below the critical strength {critical}"
        subject.expect(below.any(), what, "a nonzero", below, gradient=g)
    zeros = np.zeros(subject.shape)
    subject.expect_close(subject.critical_strength(zeros), 0.0, "that of a zero gradient")


def critical_strength_scales(subject: Subject) -> None:
    """critical_strength(c·gradient) = c·critical_strength(gradient), sign ignored by symmetry."""
    g = subject.weights(subject.rng())
    once, factor = float(subject.critical_strength(g)), 2.0**-7
    scaled = subject.critical_strength(factor * g)
    subject.expect_close(scaled, factor * once, "that of a gradient 128 times smaller")
