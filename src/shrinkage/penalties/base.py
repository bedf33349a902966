"""What a penalty is: a function of one weight array that carries no strength.

Who uses this: terms (strength × penalty), paths, audits, and users who write their own penalty.
A penalty promises `value`, `gradient`, `prox` and `critical_strength` over NumPy, torch and JAX,
for one model or for many stacked along leading axes, in the dtype of the weights, never changing
what it was given. Strengths and steps are arguments because they vary in training; the objects
are frozen. `shrinkage.penalties.check_penalty` checks every promise made here.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, ClassVar

import numpy as np

from shrinkage.arrays import Array, Axes


class Combination(Enum):
    """How a penalty's prox joins those of others on one parameter (see `terms.closed_form`)."""

    RIDGE = "½Σw²: folds into the data of the others, about any reference"
    THRESHOLD = "Σ|w|: comes before a group penalty about the same reference"
    GROUP = "a norm of each group, or a set: comes after a threshold about the same reference"
    ALONE = "with ridges only"


@dataclass(frozen=True)
class Penalty(ABC):
    """A penalty Ω on arrays of shape (*models, *weights), with `stacked` leading model axes.

    Ω >= 0, and Ω(0) = 0 unless it says otherwise. No method changes its arguments or the dtype.
    """

    name: ClassVar[str]  # the key in the registry
    also_called: ClassVar[tuple[str, ...]] = ()  # names of other libraries, understood and told
    formula: ClassVar[str] = ""  # with `summary`, what the tables of registered penalties say
    summary: ClassVar[str] = ""
    smooth: ClassVar[bool] = False  # differentiable everywhere: `decoupled` applies it before
    convex: ClassVar[bool] = True
    finite: ClassVar[bool] = True  # False: inf outside of a set; a constraint is 0 inside
    has_price: ClassVar[bool] = False  # not finite, and more than 0 inside its set
    separable: ClassVar[bool] = False  # a sum over single weights
    diagonal: ClassVar[bool] = True  # the prox takes a step for each weight; False: one for all
    is_shared: ClassVar[bool] = False  # one set for all arrays of a term: `shared` divides it
    is_renewed: ClassVar[bool] = False  # `renewed` makes it anew where `is_due` after a step
    zero_at_zero: ClassVar[bool] = True  # Ω(0) = 0; False: it is least elsewhere
    combines: ClassVar[Combination] = Combination.ALONE
    example_shapes: ClassVar[tuple[tuple[int, ...], ...]] = ((4, 3), (2, 3, 2))  # for the battery
    __array_ufunc__ = None  # so that a NumPy number times a penalty asks the penalty

    @abstractmethod
    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return Ω(w): a scalar array, or one per model with shape w.shape[:stacked]."""

    @abstractmethod
    def gradient(self, w: Array, stacked: int = 0) -> Array:
        """Return ∂Ω(w), where nonsmooth its least-norm element (0 at w = 0), in the shape of w."""

    @abstractmethod
    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        """Return argmin_u Σ (u − w)² / (2 step) + Ω(u), a new array.

        `step` is learning_rate × strength: a number, one per model (w.shape[:stacked]) or one
        per weight (w.ndim axes, broadcastable). Zeros are +0.0; a step of 0 returns w bit for bit.
        """

    def within(self, moved: Array, w: Array, farthest: Any, stacked: int = 0) -> Array:  # noqa: ARG002
        """Return what the prox comes to where a price in a set moves no weight farther than that.

        Args:
            moved: the prox.
            w: what it is of.
            farthest: shaped as a step.
            stacked: how many leading axes run over models.
        """
        return moved

    @abstractmethod
    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return the least strength at which w = 0 is stationary, inf if there is none.

        `gradient` is the data loss's at w = 0; the result has the shape of `value`.
        """

    def at(self, strength: Any) -> Penalty:  # noqa: ARG002
        """Return the penalty in its shape at a strength (a number, or one per model)."""
        return self

    def of_models(self, models: slice) -> Penalty:  # noqa: ARG002
        """Return the penalty of some of the models of a stack, where it holds numbers of each."""
        return self

    def is_due(self, step: Any) -> Any:  # noqa: ARG002
        """Return whether it is to be renewed after so many real steps, a number or traced."""
        return False

    def renewed(self, w: Array) -> Penalty:  # noqa: ARG002
        """Return the penalty for the steps to come, from the weights after a step."""
        return self

    def renewal(self) -> Array | None:
        """Return what a renewal has left in it, for checkpoints; None: there was none."""
        return None

    def with_renewal(self, held: Array | None) -> Penalty:  # noqa: ARG002
        """Return it with what `renewal` gave."""
        return self

    def shared(
        self,
        arrays: Sequence[Array],
        steps: Sequence[Any],  # noqa: ARG002
        stacked: int = 0,  # noqa: ARG002
    ) -> tuple[Penalty, ...]:
        """Return what each of a term's arrays gets of what they share, just before their proxes."""
        return (self,) * len(arrays)

    def longest_step(self) -> Any:
        """Return the step up to which the prox is single-valued: inf where Ω is convex.

        At longer ones the objective of the prox has several minima, of which the lowest is taken.
        """
        return math.inf

    def coupled_axes(self, ndim: int) -> Axes:
        """Return the axes of one model's array along which weights meet: none where separable."""
        return () if self.separable else tuple(range(ndim))

    def parts(self) -> tuple[tuple[float, Penalty], ...]:
        """Return (weight, elementary penalty) pairs whose weighted sum is this penalty."""
        return ((1.0, self),)

    def with_axes(self, input_axis: int | None, output_axis: int | None) -> Penalty:  # noqa: ARG002
        """Return the penalty for a layout in which the units lie along these axes."""
        return self

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise InputError where an array of one model has not the axes or units asked for."""
        if type(self).with_axes is not Penalty.with_axes:  # it depends on the layout
            self.value(np.zeros((1,) * len(shape)))

    def surplus(self, shape: tuple[int, ...]) -> str:  # noqa: ARG002
        """Return what there is more to keep of than an array of one model has; '' if nothing."""
        return ""

    def on_skips(self, skips: int) -> Penalty | None:  # noqa: ARG002
        """Return it for a first layer whose first outputs pass the others by; None: for any."""
        return None

    def in_blocks(self, shape: tuple[int, ...]) -> tuple[int, Any, Penalty] | None:  # noqa: ARG002
        """Return groups of unequal size as (axis, `UnitBlocks`, penalty of a block), else None."""
        return None

    def group_labels(self, shape: tuple[int, ...]) -> Array | None:  # noqa: ARG002
        """Return the number of every weight's group in Σ_g √|g| ‖w_g‖; None for another penalty."""
        return None

    def on_its_units(self) -> tuple[Any, Penalty]:
        """Return the units that it is on (None: all) and the penalty of the array of those."""
        return None, self

    def of_units(self, axis: int, chosen: Sequence[int]) -> Penalty:  # noqa: ARG002
        """Return the penalty for the array of some of the units along an axis."""
        return self

    def with_unit_groups(self, axis: int, labels: Sequence[Hashable]) -> Penalty:  # noqa: ARG002
        """Return the penalty where units along an axis with equal labels belong together."""
        return self

    def __mul__(self, strength: Any) -> Any:
        """Return the term strength × penalty (the one import against the arrows)."""
        from shrinkage.terms import Term

        return Term(strength=strength, penalty=self)

    __rmul__ = __mul__


def words_of(penalty: Penalty) -> str:
    """Return a penalty as it is made, with the fields that are not at their defaults."""
    given = [field for field in fields(penalty) if field.repr]
    told = {field.name: getattr(penalty, field.name) for field in given}
    words = (f"{f.name}={told[f.name]!r}" for f in given if told[f.name] != f.default)
    return f"{type(penalty).__name__}({', '.join(words)})"
