"""A penalty under test: float64 NumPy in, float64 NumPy out, whatever framework does the work.

Who uses this: the checks, which are then written once, in NumPy, and say what they expect.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.arrays import Array
from shrinkage.penalties.base import Penalty
from shrinkage.penalties.battery.failure import PenaltyCheckFailed
from shrinkage.penalties.battery.namespaces import Namespace

STEP = 0.3  # a step that moves weights of magnitude 0.1 to 2 in part to zero


@dataclass(frozen=True)
class Subject:
    """One penalty in one namespace on one shape, with reproducible random arrays."""

    penalty: Penalty
    namespace: Namespace
    shape: tuple[int, ...]
    seed: int
    check: str = ""  # the name of the check that is running

    def rng(self) -> np.random.Generator:
        """Return a fresh generator, the same for every check."""
        return np.random.default_rng(self.seed)

    def weights(self, rng: np.random.Generator, *models: int) -> np.ndarray:
        """Return weights of magnitude 0.1 to 2, away from the nonsmooth point 0."""
        shape = (*models, *self.shape)
        return rng.uniform(0.1, 2.0, shape) * rng.choice([-1.0, 1.0], shape)

    def points_with_zeros(self, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Yield points where one weight, a slice along each axis, or everything is zero."""
        w = self.weights(rng)
        first = w.copy()
        first.flat[0] = 0.0
        yield first
        for axis in range(w.ndim):
            sliced = w.copy()
            np.moveaxis(sliced, axis, 0)[0] = 0.0
            yield sliced
        yield np.zeros_like(w)

    def steps(self, each: np.ndarray, stacked: int = 0) -> np.ndarray:
        """Return a step for each weight, or one a model where the penalty takes no others."""
        if self.penalty.diagonal:
            return each
        own = (slice(None),) * stacked + (slice(0, 1),) * (each.ndim - stacked)
        return each[own]

    def native(self, values: Any) -> Any:
        """Return an array of the namespace in float64; numbers stay numbers."""
        return self.namespace.make(values, "float64") if np.ndim(values) else values

    def value(self, w: np.ndarray, stacked: int = 0) -> np.ndarray:
        """Return the penalty's value."""
        return self._read(self.penalty.value, w, stacked=stacked)

    def gradient(self, w: np.ndarray, stacked: int = 0) -> np.ndarray:
        """Return the penalty's gradient."""
        return self._read(self.penalty.gradient, w, stacked=stacked)

    def prox(self, w: np.ndarray, step: Any, stacked: int = 0) -> np.ndarray:
        """Return the penalty's prox."""
        return self._read(self.penalty.prox, w, step, stacked=stacked)

    def critical_strength(self, gradient: np.ndarray, stacked: int = 0) -> np.ndarray:
        """Return the penalty's critical strength."""
        return self._read(self.penalty.critical_strength, gradient, stacked=stacked)

    def _read(self, method: Callable[..., Array], *arrays: Any, stacked: int) -> np.ndarray:
        native = [self.native(array) for array in arrays]
        return self.namespace.read(self.namespace.call(method, *native, stacked=stacked))

    def expect(self, holds: Any, what: str, expected: Any, got: Any, **where: Any) -> None:
        """Raise `PenaltyCheckFailed` unless `holds`; `where` are the arrays that show it."""
        if not holds:
            place = f"{self.penalty!r} on {self.namespace.name} of shape {self.shape}"
            shown = "".join(f", {name} = {value}" for name, value in where.items())
            raise PenaltyCheckFailed(self.check, f"{place}: {what}{shown}", str(expected), str(got))

    def expect_close(self, got: Any, expected: Any, what: str, tolerance: float = 1e-12) -> None:
        """Expect two arrays to agree to `tolerance`, relative for large numbers."""
        got, expected = np.asarray(got), np.asarray(expected)
        self.expect(got.shape == expected.shape, f"the shape of {what}", expected.shape, got.shape)
        finite = np.isfinite(expected)
        gap = np.abs(got[finite] - expected[finite]) / (1.0 + np.abs(expected[finite]))
        if not np.array_equal(got[~finite], expected[~finite], equal_nan=True):
            gap = np.array([math.inf])
        self.expect(np.max(gap, initial=0.0) <= tolerance, what, expected, got)

    def expect_bits(self, got: np.ndarray, expected: np.ndarray, what: str) -> None:
        """Expect two arrays to agree in every bit, the sign of zero included."""
        self.expect(got.shape == expected.shape, f"the shape of {what}", expected.shape, got.shape)
        self.expect(got.tobytes() == expected.tobytes(), what, expected, got)
