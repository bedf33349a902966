"""A penalty on some units of an array: the weights of the others are free.

Who uses this: `assign`, for inputs that a person leaves unpenalised, and people in loops of their
own. It is what glmnet's `penalty.factor` of 0 is, for any penalty and any framework.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from shrinkage.arrays import Array, Axes, floating_library, model_axes, per_model
from shrinkage.errors import InputError
from shrinkage.penalties.base import Penalty


@dataclass(frozen=True)
class Units:
    """Some units along an axis of one model's array, of `length` units.

    >>> units = Units(1, 3, (0, 2))
    >>> units.take(np.array([[1.0, 2.0, 3.0]]))
    array([[1., 3.]])
    >>> units.put(np.array([[1.0, 2.0, 3.0]]), np.array([[0.0, 0.0]]))
    array([[0., 2., 0.]])
    """

    axis: int
    length: int
    chosen: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.chosen or sorted(set(self.chosen) & set(range(self.length))) != [*self.chosen]:
            raise InputError(
                f"expected some of the units 0 to {self.length - 1} in ascending order, got "
                f"{self.chosen[:20]}: give each once"
            )

    @cached_property
    def _others(self) -> np.ndarray:
        return np.setdiff1d(np.arange(self.length), self.chosen)

    @cached_property
    def _inverse(self) -> np.ndarray:
        return np.argsort(np.concatenate([np.asarray(self.chosen), self._others]))

    def along(self, w: Array, stacked: int = 0) -> int:
        """Return the axis of `w` along which the units lie.

        Raises:
            InputError: one model's array has not as many units along that axis.
        """
        own = model_axes(w, stacked)
        if not -len(own) <= self.axis < len(own) or w.shape[own[self.axis]] != self.length:
            raise InputError(
                f"expected an array with {self.length} units along axis {self.axis}, got one "
                f"model's shape {tuple(w.shape[stacked:])}: give units of that array"
            )
        return own[self.axis]

    def take(self, w: Array, stacked: int = 0) -> Array:
        """Return the weights of these units."""
        return floating_library(w).take(w, np.asarray(self.chosen), self.along(w, stacked))

    def put(self, w: Array, taken: Array, stacked: int = 0) -> Array:
        """Return a copy of `w` with other weights of these units."""
        library, axis = floating_library(w), self.along(w, stacked)
        others = library.take(w, self._others, axis)
        return library.take(library.concatenate([taken, others], axis), self._inverse, axis)

    def take_numbers(self, numbers: Any, w: Array, stacked: int = 0) -> Any:
        """Return what belongs to these units of numbers that a step of a prox may be."""
        if numbers is None or not hasattr(numbers, "ndim") or numbers.ndim < w.ndim:
            return numbers
        axis = self.along(w, stacked)
        if numbers.shape[axis] == 1:
            return numbers
        return floating_library(w).take(numbers, np.asarray(self.chosen), axis)


@dataclass(frozen=True)
class OnSomeUnits(Penalty):
    """Ω of the weights of some units; those of the other units are not penalised.

    Args:
        penalty: of the array that is left when the other units are taken out.
        units: which.

    >>> from shrinkage.penalties import L1
    >>> OnSomeUnits(L1(), Units(1, 3, (0, 2))).prox(np.array([[3.0, -2.0, 1.0]]), 1.0)
    array([[ 2., -2.,  0.]])

    Source: Friedman, Hastie and Tibshirani, Regularization paths for generalized linear models
    via coordinate descent, J. Stat. Softw. 33 (2010), section 2.6, on penalty factors of 0.
    """

    penalty: Penalty
    units: Units

    name: ClassVar[str] = "on-some-units"
    formula: ClassVar[str] = "Ω(w of some units)"
    summary: ClassVar[str] = "the weights of the other units are free"

    def __post_init__(self) -> None:
        if self.penalty.is_shared:
            raise InputError(
                f"expected a penalty of one array where some units are free, got {self.penalty!r}, "
                "which several arrays share: use Cardinality, or select other parameters"
            )

    # The facts of a penalty are those of the one inside; how it joins others, `closed_form` knows.
    @property
    def smooth(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether it is differentiable everywhere."""
        return self.penalty.smooth

    @property
    def convex(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether it is convex."""
        return self.penalty.convex

    @property
    def finite(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether it is no constraint."""
        return self.penalty.finite

    @property
    def separable(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether it is a sum over single weights; not for shards, which have other units."""
        return False

    @property
    def diagonal(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether its prox takes a step for each weight."""
        return self.penalty.diagonal

    @property
    def zero_at_zero(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether Ω(0) = 0."""
        return self.penalty.zero_at_zero

    def __repr__(self) -> str:
        return f"{self.penalty!r} on {len(self.units.chosen)} of {self.units.length} units"

    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return Ω of the weights of the units."""
        return self.penalty.value(self.units.take(w, stacked), stacked)

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        """Return ∂Ω, 0 for the other units."""
        own = self.penalty.gradient(self.units.take(w, stacked), stacked)
        return self.units.put(floating_library(w).zeros_like(w), own, stacked)

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        """Return the prox of the weights of the units, and the others as they are."""
        own = self.units.take_numbers(per_model(step, w, stacked), w, stacked)
        return self.units.put(
            w, self.penalty.prox(self.units.take(w, stacked), own, stacked), stacked
        )

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return the least strength at which 0 is stationary for the weights of the units."""
        return self.penalty.critical_strength(self.units.take(gradient, stacked), stacked)

    def at(self, strength: Any) -> Penalty:
        """Return the penalty in its shape at a strength."""
        shaped = self.penalty.at(strength)
        return self if shaped is self.penalty else replace(self, penalty=shaped)

    def longest_step(self) -> Any:
        """Return that of the penalty inside."""
        return self.penalty.longest_step()

    def coupled_axes(self, ndim: int) -> Axes:
        """Return those of the penalty, and the one along which units are counted."""
        return tuple(sorted({*self.penalty.coupled_axes(ndim), self.units.axis % ndim}))

    def parts(self) -> tuple[tuple[float, Penalty], ...]:
        """Return the parts of the penalty, each on these units."""
        return tuple((weight, replace(self, penalty=part)) for weight, part in self.penalty.parts())

    def on_its_units(self) -> tuple[Units, Penalty]:
        """Return the units and the penalty inside."""
        return self.units, self.penalty

    def with_unit_groups(self, axis: int, labels: Sequence[Hashable]) -> Penalty:
        """Return the penalty with groups of all units, of which those of the chosen ones count."""
        if axis != self.units.axis:
            return self
        own = [labels[unit] for unit in self.units.chosen]
        return replace(self, penalty=self.penalty.with_unit_groups(axis, own))
