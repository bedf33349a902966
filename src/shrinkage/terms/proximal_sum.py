"""The prox of a sum of parts on one parameter, where it has a closed form.

Who uses this: `StepPlan`, for what acts after a step. A closed form exists for any ridges (around
any references) with one other penalty, and for thresholds with one group penalty around the same
reference; parts of one penalty add up. The ridges fold into the data of the others, then the
threshold comes first and the group second, in any diagonal metric. Everything else is refused by
name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from shrinkage.arrays import (
    Array,
    floating_library,
    kept_where_zero,
    library_of,
    model_axes,
    per_model,
    product,
)
from shrinkage.errors import OverlapError
from shrinkage.penalties import Combination, Penalty
from shrinkage.terms.part import Part
from shrinkage.terms.reach import FARTHEST, within_reach


@dataclass(frozen=True, eq=False)
class ProximalSum:
    """Σ strength·penalty(w − reference) with a closed-form prox; make it with `closed_form`.

    `assigned` are all parts, those of strength 0 included, since strengths change in training.
    """

    assigned: tuple[Part, ...]

    def __bool__(self) -> bool:
        return bool(self.parts)

    def at(self, strengths: Mapping[str, Any]) -> ProximalSum:
        """Return the sum where the terms have these strengths, by their ids."""
        return ProximalSum(tuple(part.at(strengths[part.term]) for part in self.assigned))

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts whose strength is not 0."""
        return tuple(part for part in self.assigned if not part.is_absent)

    @cached_property
    def ridges(self) -> tuple[Part, ...]:
        """The parts of strength above 0 that fold into the data of the others."""
        return self._that(Combination.RIDGE)

    @cached_property
    def thresholds(self) -> tuple[Part, ...]:
        """The parts of strength above 0 that come first."""
        return self._that(Combination.THRESHOLD)

    @cached_property
    def groups(self) -> tuple[Part, ...]:
        """The parts of strength above 0 that come after the thresholds; one penalty."""
        return self._that(Combination.GROUP)

    @cached_property
    def others(self) -> tuple[Part, ...]:
        """The parts of strength above 0 that join ridges only; one penalty."""
        return self._that(Combination.ALONE)

    @cached_property
    def reference(self) -> Array | None:
        """The one reference of all parts that are no ridges."""
        return next((part.reference for part in _not_ridges(self.assigned)), None)

    def with_group(self, penalty: Penalty) -> ProximalSum:
        """Return the sum with another group penalty: that of a block of the array."""
        return ProximalSum(
            tuple(
                replace(part, penalty=penalty)
                if part.penalty.combines is Combination.GROUP
                else part
                for part in self.assigned
            )
        )

    @cached_property
    def units(self) -> Any:
        """The units that all parts are on; None: all units."""
        return next((part.penalty.on_its_units()[0] for part in self.assigned), None)

    @cached_property
    def inside(self) -> ProximalSum:
        """The sum on the array of those units alone; without units this sum."""
        if self.units is None:
            return self
        pairs = ((part, part.penalty.on_its_units()[1]) for part in self.assigned)
        return ProximalSum(tuple(replace(part, penalty=penalty) for part, penalty in pairs))

    def _that(self, combination: Combination) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.penalty.combines is combination)

    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return Σ strength·penalty(w − reference), one per model.

        >>> import numpy as np
        >>> from shrinkage.penalties import L1
        >>> float(closed_form([Part(2.0, L1())]).value(np.array([1.0, -3.0])))
        8.0
        """
        library = floating_library(w)
        total = library.sum(library.zeros_like(w), model_axes(w, stacked))
        for part in self.parts:
            value = part.penalty.value(part.about(w), stacked)
            total = total + per_model(part.strength, value, stacked) * value
        return total

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        """Return Σ strength·∂penalty(w − reference), each the least-norm subgradient.

        >>> import numpy as np
        >>> from shrinkage.penalties import L1, L2
        >>> closed_form([Part(2.0, L1()), Part(1.0, L2())]).gradient(np.array([1.0, -3.0]))
        array([ 3., -5.])
        """
        total = floating_library(w).zeros_like(w)
        for part in self.parts:
            subgradient = part.penalty.gradient(part.about(w), stacked)
            total = total + per_model(part.strength, w, stacked) * subgradient
        return total

    def prox(self, w: Array, step: Any, stacked: int = 0, reach: Any = None) -> Array:
        """Return argmin_u Σ (u − w)²/(2 step) + Σ strength·penalty(u − reference).

        With a reach, u goes no farther from w than twice that (`terms.reach`). For penalties on
        single weights it is the prox whose step is at most 2·reach/|pull|, pull being that of
        Σ strength·penalty at u: Adam's denominator √v̂ + ε is then at least half of the pull.

        Args:
            w: weights of shape (*models, *weights).
            step: the learning rate: a number, one per model or one per weight.
            stacked: how many leading axes run over models.
            reach: how far the optimizer moves a weight, by a steady gradient or just now; shaped as
                `step` may be; None where it moves in proportion to the gradient: no bound.

        Returns:
            A new array; `w` bit for bit where step or all strengths are 0.

        >>> import numpy as np
        >>> from shrinkage.penalties import L1, L2
        >>> both = closed_form([Part(1.0, L1()), Part(1.0, L2())])
        >>> both.prox(np.array([3.0, -0.5]), 1.0)
        array([1., 0.])
        >>> both.prox(np.array([3.0, -0.5]), 1e5, reach=0.25)  # no gradient has come yet
        array([2.5, 0. ])
        """
        library = floating_library(w)
        if not self.parts:
            return library.copy(w)
        if self.units is not None:
            return self._prox_of_units(w, step, stacked, reach)
        are_sets = {not part.penalty.finite for part in self.parts}
        if reach is not None and are_sets == {True, False}:
            return self._in_sets(w, step, stacked, reach)
        in_set = reach if True in are_sets else None
        with library.quiet():
            moved, metric = self._folded(w, step, stacked)
            if len(self.parts) > len(self.ridges):
                moved = self._nonsmooth(moved, metric, stacked, in_set)
        total = per_model(_total(self.parts, step, w, stacked), w, stacked)
        moved = kept_where_zero(total, w, moved)
        if reach is None or in_set is not None:
            return moved
        return within_reach(moved, w, per_model(reach, w, stacked))

    def _in_sets(self, w: Array, step: Any, stacked: int, reach: Any) -> Array:
        """Return the bounded prox of the others, then the projection, of which only a price is."""
        sets = ProximalSum(tuple(part for part in self.parts if not part.penalty.finite))
        return sets.prox(*self.before_sets(w, step, stacked, reach), stacked, reach)

    def before_sets(
        self, w: Array, step: Any, stacked: int = 0, reach: Any = None
    ) -> tuple[Array, Any]:
        """Return what the projections get: the prox of all others, and the metric they leave."""
        others = ProximalSum(tuple(part for part in self.parts if part.penalty.finite))
        _, metric = self._folded(w, step, stacked)
        return others.prox(w, step, stacked, reach), metric

    def _prox_of_units(self, w: Array, step: Any, stacked: int, reach: Any) -> Array:
        """Return the prox of the array of the units, put back; the other weights stay."""
        units = self.units
        step, reach = (units.take_numbers(number, w, stacked) for number in (step, reach))
        inside = ProximalSum(tuple(part.on_its_units(w.ndim - stacked) for part in self.assigned))
        moved = inside.prox(units.take(w, stacked), step, stacked, reach)
        return units.put(w, moved, stacked)

    def _folded(self, w: Array, step: Any, stacked: int) -> tuple[Array, Any]:
        """Return the weights and the metric that the ridges leave for the others."""
        if not self.ridges:
            return w, step
        library = floating_library(w)
        rate = per_model(step, w, stacked)
        ridge = per_model(_total(self.ridges, step, w, stacked), w, stacked)
        strength = per_model(_total(self.ridges, 1.0, w, stacked), w, stacked)
        endless = rate == math.inf  # a weight that nothing holds goes where the ridges pull it
        metric = library.where(endless, 1 / strength, rate / (1 + ridge))
        moved = self.ridges[0].penalty.prox(w, ridge, stacked)
        for part in self.ridges:
            if part.reference is not None:
                pull = product(part.strength, metric, w, stacked)
                moved = moved + pull * library.cast(part.reference, w)
        return moved, metric

    def _nonsmooth(self, w: Array, metric: Any, stacked: int, reach: Any = None) -> Array:
        """Return the prox of the parts that are no ridges, about their reference."""
        reference = self.reference
        cast = floating_library(w).cast
        moved = w if reference is None else w - cast(reference, w)
        for parts in (self.thresholds, self.groups, self.others):
            if parts:
                step, penalty, start = _total(parts, metric, w, stacked), parts[0].penalty, moved
                moved = penalty.prox(start, step, stacked)
                if reach is not None:
                    farthest = FARTHEST * per_model(reach, w, stacked)
                    moved = penalty.within(moved, start, farthest, stacked)
        return moved if reference is None else moved + cast(reference, w)


def closed_form(parts: Iterable[Part]) -> ProximalSum:
    """Return the sum of the parts as one object with a closed-form prox.

    Args:
        parts: with elementary penalties; a strength is a number or one per model. What is refused
            does not depend on the strengths, which may change in training.

    Returns:
        The `ProximalSum`.

    Raises:
        OverlapError: the parts have no closed form together; the message names them.

    >>> from shrinkage.penalties import L1, L2
    >>> closed_form([Part(1.0, L1()), Part(0.1, L2())]).thresholds[0].penalty
    L1()

    Source: the shift and quadratic rules are Parikh and Boyd, Proximal algorithms (2014), 2.2;
    the threshold before the group is Friedman, Hastie and Tibshirani, A note on the group lasso
    and a sparse group lasso (2010).
    """
    parts = tuple(parts)
    if len({part.penalty.on_its_units()[0] for part in parts}) > 1:
        raise _overlap(parts, "on different units of one parameter")
    shaped = _not_ridges(replace(part, penalty=part.penalty.on_its_units()[1]) for part in parts)
    if any(not _same_reference(shaped[0].reference, part.reference) for part in shaped[1:]):
        raise _overlap(shaped, "around different references")
    after_thresholds = {
        part.penalty: part.penalty.combines
        for part in shaped
        if part.penalty.combines is not Combination.THRESHOLD
    }
    # Parts add up where they are one function; a knee that follows each strength makes them two.
    shaped_alike = [part for part in shaped if part.penalty.at(1.0) != part.penalty.at(2.0)]
    several = len(after_thresholds) > 1 or len(shaped_alike) > 1
    thresholded = any(part.penalty.combines is Combination.THRESHOLD for part in shaped)
    if several or (thresholded and Combination.ALONE in after_thresholds.values()):
        raise _overlap(shaped, "on one parameter")
    return ProximalSum(parts)


def smooth_and_nonsmooth(parts: Iterable[Part]) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Return the differentiable parts, and the others.

    >>> from shrinkage.penalties import L1, L2
    >>> smooth, nonsmooth = smooth_and_nonsmooth([Part(1.0, L1()), Part(1.0, L2())])
    >>> smooth[0].penalty, nonsmooth[0].penalty
    (L2(), L1())
    """
    parts = tuple(parts)
    smooth = tuple(part for part in parts if part.penalty.smooth)
    return smooth, tuple(part for part in parts if not part.penalty.smooth)


def _not_ridges(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(part for part in parts if part.penalty.combines is not Combination.RIDGE)


def _same_reference(first: Array | None, second: Array | None) -> bool:
    if first is None or second is None or first is second:
        return first is second
    if library_of(first) is not library_of(second) or tuple(first.shape) != tuple(second.shape):
        return False
    return bool((first == second).all())


def _total(parts: Sequence[Part], step: Any, w: Array, stacked: int) -> Any:
    """Return step · Σ strength: a number if all are numbers, else an array over `w`."""
    first, *rest = (product(part.strength, step, w, stacked) for part in parts)
    return sum(rest, first)


def _overlap(parts: Sequence[Part], where: str) -> OverlapError:
    names = " and ".join(repr(part.penalty) for part in parts)
    return OverlapError(
        f"expected terms whose sum has a closed-form prox, got {names} {where}: one penalty "
        "with any L2, or L1 and one GroupLasso around one reference with any L2, work; "
        "select other parameters or update='gradient' for one of them"
    )
