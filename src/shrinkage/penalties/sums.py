"""The prox of a sum of penalties on one array, where it has a closed form.

Who uses this: the updates, which may find several terms on one parameter. A closed form exists
for any number of L2 parts (around any references) with one other penalty, and for L1 with one
group penalty around the same reference; parts of one penalty add up. The L2 parts fold into the
data of the others, then L1 comes first and the group second, in any diagonal metric. Everything
else is refused by name.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
from shrinkage.penalties.base import Penalty
from shrinkage.penalties.group_lasso import GroupLasso
from shrinkage.penalties.l1 import L1
from shrinkage.penalties.l2 import L2


@dataclass(frozen=True, eq=False)
class Part:
    """strength × penalty(w − reference); strength is a number or one per model."""

    strength: Any
    penalty: Penalty
    reference: Array | None = None

    @property
    def is_absent(self) -> bool:
        """Whether the strength is the number 0, so that the part does nothing."""
        return isinstance(self.strength, numbers.Real) and self.strength == 0

    def about(self, w: Array) -> Array:
        """Return w − reference, what the penalty is a function of."""
        return _about(self.reference, w)


def slope_of(parts: Iterable[Part], w: Array) -> Array:
    """Return Σ strength·∂penalty(w − reference), each the least-norm element at kinks.

    Args:
        parts: any, whether their sum has a closed-form prox or not; strengths are numbers.
        w: the weights of one model.

    Returns:
        A new array in the dtype of `w`. (A product with a number keeps it; TensorFlow's cast of a
        number goes by way of float32.)

    >>> import numpy as np
    >>> slope_of([Part(2.0, L1()), Part(1.0, L2())], np.array([1.0, -3.0]))
    array([ 3., -5.])
    """
    total = floating_library(w).zeros_like(w)
    for part in parts:
        total = total + part.strength * part.penalty.gradient(part.about(w))
    return total


def elementary_parts(parts: Iterable[Part | tuple]) -> tuple[Part, ...]:
    """Return the parts with sums such as the elastic net taken apart.

    Args:
        parts: (strength, penalty, reference or None) triples.

    Returns:
        The same objective as `Part`s whose penalties are elementary.

    >>> from shrinkage.penalties import ElasticNet
    >>> [part.strength for part in elementary_parts([(0.5, ElasticNet(0.5), None)])]
    [0.25, 0.25]
    """
    given = [part if isinstance(part, Part) else Part(*part) for part in parts]
    return tuple(
        Part(part.strength if weight == 1 else part.strength * weight, penalty, part.reference)
        for part in given
        for weight, penalty in part.penalty.parts()
    )


def smooth_and_kinked(parts: Iterable[Part | tuple]) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Return the differentiable elementary parts, and the others.

    Args:
        parts: (strength, penalty, reference or None) triples.

    Returns:
        Two tuples: what `decoupled` applies before the step, and what it applies after.

    >>> from shrinkage.penalties import ElasticNet
    >>> smooth, kinked = smooth_and_kinked([(1.0, ElasticNet(0.5), None)])
    >>> smooth[0].penalty, kinked[0].penalty
    (L2(), L1())
    """
    whole = elementary_parts(parts)
    smooth = tuple(part for part in whole if part.penalty.smooth)
    return smooth, tuple(part for part in whole if not part.penalty.smooth)


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


@dataclass(frozen=True, eq=False)
class ProximalSum:
    """Σ strength·penalty(w − reference) with a closed-form prox; make it with `closed_form`.

    `ridges` are the L2 parts, `thresholds` the L1 parts and `others` the parts of one other
    penalty; `reference` is the one that thresholds and others share.
    """

    parts: tuple[Part, ...]
    ridges: tuple[Part, ...]
    thresholds: tuple[Part, ...]
    others: tuple[Part, ...]
    reference: Array | None = None

    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return Σ strength·penalty(w − reference), one per model.

        >>> import numpy as np
        >>> float(closed_form([(2.0, L1(), None)]).value(np.array([1.0, -3.0])))
        8.0
        """
        library = floating_library(w)
        total = library.sum(library.zeros_like(w), model_axes(w, stacked))
        for part in self.parts:
            value = part.penalty.value(_about(part.reference, w), stacked)
            total = total + per_model(part.strength, value, stacked) * value
        return total

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        """Return Σ strength·∂penalty(w − reference), each the least-norm element at kinks.

        >>> import numpy as np
        >>> closed_form([(2.0, L1(), None), (1.0, L2(), None)]).gradient(np.array([1.0, -3.0]))
        array([ 3., -5.])
        """
        total = floating_library(w).zeros_like(w)
        for part in self.parts:
            slope = part.penalty.gradient(_about(part.reference, w), stacked)
            total = total + per_model(part.strength, w, stacked) * slope
        return total

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        """Return argmin_u Σ (u − w)²/(2 step) + Σ strength·penalty(u − reference).

        Args:
            w: weights of shape (*models, *weights).
            step: the learning rate: a number, one per model or one per weight.
            stacked: how many leading axes run over models.

        Returns:
            A new array; `w` bit for bit where step or all strengths are 0.

        >>> import numpy as np
        >>> both = closed_form([(1.0, L1(), None), (1.0, L2(), None)])
        >>> both.prox(np.array([3.0, -0.5]), 1.0)
        array([1., 0.])
        """
        library = floating_library(w)
        if not self.parts:
            return library.copy(w)
        with library.quiet():
            moved, metric = self._folded(w, step, stacked)
            if self.thresholds or self.others:
                moved = self._kinks(moved, metric, stacked)
        whole = per_model(_total(self.parts, step, w, stacked), w, stacked)
        return kept_where_zero(whole, w, moved)

    def _folded(self, w: Array, step: Any, stacked: int) -> tuple[Array, Any]:
        """Return the weights and the metric that the L2 parts leave for the others."""
        if not self.ridges:
            return w, step
        library = floating_library(w)
        rate = per_model(step, w, stacked)
        ridge = per_model(_total(self.ridges, step, w, stacked), w, stacked)
        strength = per_model(_total(self.ridges, 1.0, w, stacked), w, stacked)
        endless = rate == math.inf  # a weight that nothing holds goes where the L2 parts pull it
        metric = library.where(endless, 1 / strength, rate / (1 + ridge))
        moved = L2().prox(w, ridge, stacked)
        for part in self.ridges:
            if part.reference is not None:
                share = product(part.strength, metric, w, stacked)
                moved = moved + share * library.cast(part.reference, w)
        return moved, metric

    def _kinks(self, w: Array, metric: Any, stacked: int) -> Array:
        """Return the prox of the parts with kinks, about their reference."""
        moved = _about(self.reference, w)
        if self.thresholds:
            moved = L1().prox(moved, _total(self.thresholds, metric, w, stacked), stacked)
        if self.others:
            strength = _total(self.others, metric, w, stacked)
            moved = self.others[0].penalty.prox(moved, strength, stacked)
        if self.reference is None:
            return moved
        return moved + floating_library(w).cast(self.reference, w)


def _about(reference: Array | None, w: Array) -> Array:
    """Return w − reference."""
    return w if reference is None else w - floating_library(w).cast(reference, w)


def closed_form(parts: Iterable[Part | tuple]) -> ProximalSum:
    """Return the sum of the parts as one object with a closed-form prox.

    Args:
        parts: (strength, penalty, reference or None) triples; strength is a number or one per
            model, sums such as the elastic net are taken apart. What is refused does not depend on
            the strengths, which may change in training.

    Returns:
        The `ProximalSum`.

    Raises:
        OverlapError: the parts have no closed form together; the message names them.

    >>> closed_form([(1.0, L1(), None), (0.1, L2(), None)]).thresholds[0].penalty
    L1()

    Source: the shift and quadratic rules are Parikh and Boyd, Proximal algorithms (2014), 2.2;
    L1 before the group is Friedman, Hastie and Tibshirani, A note on the group lasso and a sparse
    group lasso (2010).
    """
    whole = elementary_parts(parts)
    kinked = tuple(part for part in whole if not isinstance(part.penalty, L2))
    others = tuple(part for part in kinked if not isinstance(part.penalty, L1))
    references = [part.reference for part in kinked]
    if not all(_same_reference(references[0], reference) for reference in references[1:]):
        raise _overlap(kinked, "around different references")
    groups = all(isinstance(part.penalty, GroupLasso) for part in others)
    several = any(part.penalty != others[0].penalty for part in others)
    if several or (len(kinked) > len(others) and not groups):
        raise _overlap(kinked, "on one parameter")
    return ProximalSum(
        parts=tuple(part for part in whole if not part.is_absent),
        ridges=_live(whole, L2),
        thresholds=_live(whole, L1),
        others=tuple(part for part in others if not part.is_absent),
        reference=references[0] if references else None,
    )


def _live(parts: Sequence[Part], kind: type[Penalty]) -> tuple[Part, ...]:
    return tuple(part for part in parts if isinstance(part.penalty, kind) and not part.is_absent)


def _overlap(parts: Sequence[Part], where: str) -> OverlapError:
    names = " and ".join(repr(part.penalty) for part in parts)
    return OverlapError(
        f"expected terms whose sum has a closed-form prox, got {names} {where}: one penalty "
        "with any L2, or L1 and one GroupLasso around one reference with any L2, work; "
        "select other parameters or update='gradient' for one of them"
    )
