"""Promises about values, gradients and critical strengths."""

from __future__ import annotations

import math

import numpy as np

from shrinkage.penalties.battery.comparing import close, kinked_points
from shrinkage.penalties.battery.subjects import Subject


def value_at_zero(subject: Subject) -> None:
    """Ω(0) = 0, a scalar, or one per model."""
    zeros = np.zeros((3, *subject.shape))
    close(subject.value(zeros[0]), 0.0, "Ω(0)")
    close(subject.value(zeros, 1), np.zeros(3), "Ω(0) of three stacked models")


def value_nonnegative(subject: Subject) -> None:
    """Ω(w) >= 0, and more than 0 somewhere."""
    rng = subject.rng()
    values = [float(subject.value(subject.weights(rng))) for _ in range(5)]
    assert min(values) >= 0, f"expected Ω >= 0, got {min(values)}"
    assert max(values) > 0, "expected Ω > 0 at some of five random points, got 0 at all"


def gradient_finite_differences(subject: Subject) -> None:
    """The gradient is that of the value, away from kinks."""
    rng = subject.rng()
    w, h = subject.weights(rng), 1e-5
    expected = np.zeros(subject.shape)
    for index in np.ndindex(subject.shape):
        shift = np.zeros(subject.shape)
        shift[index] = h
        expected[index] = (subject.value(w + shift) - subject.value(w - shift)) / (2 * h)
    close(subject.gradient(w), expected, "∂Ω against central differences", tolerance=1e-7)


def gradient_at_kinks(subject: Subject) -> None:
    """At a kink the gradient is the least-norm subgradient: Ω'(w; −g) = −‖g‖², Ω'(w; d) >= g·d."""
    rng, h = subject.rng(), 1e-6
    for w in kinked_points(subject, rng):
        g, start = subject.gradient(w), float(subject.value(w))
        slope = (float(subject.value(w - h * g)) - start) / h
        square = float(np.sum(g * g))
        gap = abs(slope + square) / (1 + square)
        assert gap <= 1e-4, f"at {w}: expected slope {-square} along −gradient, got {slope}"
        for _ in range(5):
            d = rng.standard_normal(w.shape)
            slope = (float(subject.value(w + h * d)) - start) / h
            least = float(np.sum(g * d))
            assert slope >= least - 1e-4, f"at {w}: expected a slope >= {least}, got {slope}"
    close(subject.gradient(np.zeros(subject.shape)), np.zeros(subject.shape), "∂Ω(0)")


def smooth_flag(subject: Subject) -> None:
    """A penalty that calls itself smooth has no kink at points with zeros."""
    if not subject.penalty.smooth:
        return
    rng, h = subject.rng(), 1e-6
    for w in kinked_points(subject, rng):
        d = rng.standard_normal(w.shape)
        ahead, behind = float(subject.value(w + h * d)), float(subject.value(w - h * d))
        bend = (ahead + behind - 2 * float(subject.value(w))) / h
        assert abs(bend) <= 1e-4, f"at {w}: expected no kink of a smooth penalty, got {bend}"


def critical_strength_both_sides(subject: Subject) -> None:
    """From w = 0 a step against the gradient is undone above the critical strength, not below."""
    rng = subject.rng()
    for rate in (0.1, 1.0):
        g = subject.weights(rng)
        critical = float(subject.critical_strength(g))
        assert critical > 0, f"gradient {g}: expected a critical strength > 0, got {critical}"
        if math.isfinite(critical):
            above = subject.prox(-rate * g, rate * critical * (1 + 1e-9))
            assert not above.any(), f"gradient {g}: expected all zeros above {critical}, {above}"
        below = subject.prox(-rate * g, rate * min(critical * (1 - 1e-9), 1e6))
        assert below.any(), f"gradient {g}: expected a nonzero below {critical}, got zeros"
    close(subject.critical_strength(np.zeros(subject.shape)), 0.0, "that of a zero gradient")


def critical_strength_scales(subject: Subject) -> None:
    """critical_strength(c·gradient) = c·critical_strength(gradient), sign ignored by symmetry."""
    g = subject.weights(subject.rng())
    once, factor = float(subject.critical_strength(g)), 2.0**-7
    close(subject.critical_strength(factor * g), factor * once, "a gradient 128 times smaller")
