"""Comparisons that say what was expected and what it got, and points with kinks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from shrinkage.penalties.battery.subjects import Subject

STEP = 0.3  # a step that moves weights of magnitude 0.1 to 2 in part to zero


def close(got: Any, expected: Any, what: str, tolerance: float = 1e-12) -> None:
    """Assert that two arrays agree to `tolerance`, relative for large numbers."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{what}: expected shape {expected.shape}, {got.shape}"
    finite = np.isfinite(expected)
    gap = np.abs(got[finite] - expected[finite]) / (1.0 + np.abs(expected[finite]))
    if not np.array_equal(got[~finite], expected[~finite], equal_nan=True):
        gap = np.array([math.inf])
    assert np.max(gap, initial=0.0) <= tolerance, f"{what}: expected {expected}, got {got}"


def same_bits(got: np.ndarray, expected: np.ndarray, what: str) -> None:
    """Assert that two arrays agree in every bit, the sign of zero included."""
    assert got.shape == expected.shape, f"{what}: expected shape {expected.shape}, {got.shape}"
    assert got.tobytes() == expected.tobytes(), f"{what}: expected {expected}, got {got}"


def kinked_points(subject: Subject, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield points with zeros: one weight, whole slices along every axis, everything."""
    w = subject.weights(rng)
    one = w.copy()
    one.flat[0] = 0.0
    yield one
    for axis in range(w.ndim):
        sliced = w.copy()
        np.moveaxis(sliced, axis, 0)[0] = 0.0
        yield sliced
    yield np.zeros_like(w)
