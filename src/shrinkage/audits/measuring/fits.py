"""How well a measured change agrees with an expected one, with its rounding error beside it.

Who uses this: `measure`. The factor is the projection ⟨C, E⟩ / ⟨E, E⟩ of the measured change C on
the expected change E over all weights of a parameter. Each element of C is known up to a bound δ
(the rounding of the numbers that it is a difference of), so the factor is known up to
Σ|E|δ / ⟨E, E⟩. The bound is the worst case: a correct loop is not accused of its rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any
_STRAY = 0.02  # how far from the expected line a change may be, relative to its length
_BEYOND = 2.0  # a change of this many bounds was not made by rounding
_SPREAD = 4.0  # how much rounding a residual may have, in squared bounds
_FEW = 1024
_VISIBLE = 0.25  # above this error a factor cannot be told from 0


@dataclass(frozen=True)
class Fit:
    """Sums over the weights of one parameter.

    `present` says whether something changed that rounding cannot explain.
    """

    cc: float = 0.0
    ce: float = 0.0
    ee: float = 0.0
    noise_along: float = 0.0
    noise_squared: float = 0.0
    present: bool = False

    def __add__(self, other: Fit) -> Fit:
        return Fit(
            self.cc + other.cc,
            self.ce + other.ce,
            self.ee + other.ee,
            self.noise_along + other.noise_along,
            self.noise_squared + other.noise_squared,
            self.present or other.present,
        )

    @property
    def expects(self) -> bool:
        """Whether anything was expected."""
        return self.ee > 0

    @property
    def is_zero(self) -> bool:
        """Whether nothing at all changed, not even by rounding."""
        return self.cc == 0

    @property
    def factor(self) -> float:
        """The measured over the expected change; 0 where nothing was expected."""
        return self.ce / self.ee if self.ee > 0 else 0.0

    @property
    def error(self) -> float:
        """What rounding can do to the factor."""
        return self.noise_along / self.ee if self.ee > 0 else math.inf

    @property
    def visible(self) -> bool:
        """Whether the expected change would stand out from rounding."""
        return self.error < _VISIBLE

    @property
    def cosine(self) -> float:
        """The cosine between the measured and the expected change."""
        return self.ce / math.sqrt(self.cc * self.ee) if self.cc > 0 and self.ee > 0 else 0.0

    @property
    def astray(self) -> float:
        """The share of the measured change's length that lies across the expected one."""
        return math.sqrt(max(0.0, 1.0 - self.cosine * self.cosine))

    @property
    def fits(self) -> bool:
        """Whether the change lies along the expected one."""
        if self.ee <= 0:
            return False
        return self.rest <= self.most_rest

    @property
    def rest(self) -> float:
        """The part of the squared change that lies across the expected one."""
        return max(0.0, self.cc - self.ce * self.ce / self.ee) if self.ee > 0 else self.cc

    @property
    def most_rest(self) -> float:
        """The `rest` up to which a change fits."""
        return _STRAY * _STRAY * self.cc + _SPREAD * self.noise_squared

    @property
    def residual(self) -> float:
        """The share of the change that does not lie along the expected one."""
        if self.cc <= 0 or self.ee <= 0:
            return 0.0
        return math.sqrt(max(0.0, 1 - self.ce * self.ce / (self.cc * self.ee)))

    def is_one(self, tolerance: float = 0.01) -> bool:
        """Whether the factor is 1 up to rounding and a hundredth."""
        return abs(self.factor - 1) <= tolerance + self.error


def dot(first: Array, second: Array) -> float:
    """Return ⟨first, second⟩, summed by this thread: BLAS wakes others for a few thousand."""
    first, second = first.reshape(-1), second.reshape(-1)
    return float(first @ second if len(first) <= _FEW else np.einsum("i,i->", first, second))


def fit(changed: Array, expected: Array, bound: Array) -> Fit:
    """Return the sums for arrays of one shape, in float64.

    Args:
        changed: the measured change C.
        expected: the expected change E.
        bound: δ, what rounding can have done to each element.

    Returns:
        The `Fit`.

    >>> fit(np.array([2.0, -4.0]), np.array([1.0, -2.0]), np.array([0.1, 0.1])).factor
    2.0
    """
    return Fit(
        dot(changed, changed),
        dot(changed, expected),
        dot(expected, expected),
        dot(np.abs(expected), bound),
        dot(bound, bound),
        exceeds(changed, bound),
    )


def extent(changed: Array, bound: Array) -> Fit:
    """Return the sums of a change of which nothing is expected."""
    return Fit(cc=dot(changed, changed), present=exceeds(changed, bound))


def exceeds(changed: Array, bound: Array) -> bool:
    """Return whether an element changed by more than its rounding can: some tell most of the time.

    >>> exceeds(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    True
    """
    changed, bound = changed.reshape(-1), bound.reshape(-1)
    return any(
        bool((np.abs(changed[part]) > _BEYOND * bound[part]).any())
        for part in (slice(_FEW), slice(_FEW, None))
    )
