"""Cardinality: only the largest weights, or the largest units, of a layer stay."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from shrinkage.arrays import Array, Axes, library_of, model_axes, per_model
from shrinkage.checks import number, whole
from shrinkage.penalties.constraint import Constraint
from shrinkage.penalties.group_lasso import GroupLasso
from shrinkage.penalties.options import option

PER_WEIGHT = "weight"


@dataclass(frozen=True, repr=False)
class Cardinality(Constraint):
    """The constraint that a layer keeps fraction/strength of its weights, or of its units.

    `1.0 * Cardinality(fraction=0.1)` keeps the largest tenth of every layer that it is on, and
    `1.0 * Cardinality(keep=50, per="input")` the 50 inputs with the largest weights. At strength s
    it keeps a share of 1/s of that, at least one: with the defaults a path over strengths is a path
    over compression, 45 keeping one weight in 45. Largest means Σ w²/step of a unit, in the metric
    of the optimizer. It is not convex: which ones stay may depend on the start.

    Args:
        fraction: the share that stays at strength 1.
        keep: how many stay at strength 1, instead of a fraction; 0: the fraction says it.
        per: what is counted: every "weight", or the "input" or "output" units.
        axes: instead of `per`, the axes that index units.
        strength: of the shape; terms set it by `at`.

    Raises:
        InputError: a fraction that is not above 0 and at most 1. A layer with fewer than are to
            stay keeps all; where each of a term's layers has fewer, the term is refused.

    >>> import numpy as np
    >>> Cardinality(keep=2).prox(np.array([3.0, -0.5, -2.0, 1.0]), 1.0)
    array([ 3.,  0., -2.,  0.])

    Source: Blumensath and Davies, Iterative hard thresholding for compressed sensing, Appl.
    Comput. Harmon. Anal. 27 (2009).
    """

    fraction: float = field(
        default=1.0, metadata=option("share that stays at strength 1", variants=(0.3,))
    )
    keep: int = field(
        default=0, metadata=option("how many stay at strength 1; 0: the fraction", variants=(2,))
    )
    per: str = field(
        default=PER_WEIGHT,
        metadata=option("what is counted", choices=(PER_WEIGHT, "input", "output")),
    )
    axes: Axes | None = field(default=None, metadata=option("axes that index units"))
    strength: Any = field(default=1.0, repr=False)

    name: ClassVar[str] = "cardinality"
    also_called: ClassVar[tuple[str, ...]] = ("top-k", "iht")
    formula: ClassVar[str] = "number of w ≠ 0 ≤ fraction/strength of all"
    summary: ClassVar[str] = "a constraint: the largest weights or units stay, the others are zero"
    convex: ClassVar[bool] = False

    def __post_init__(self) -> None:
        share = number(self.fraction, "fraction", above=0, most=1, hint="0.1 keeps a tenth")
        object.__setattr__(self, "fraction", share)
        object.__setattr__(self, "keep", whole(self.keep, "keep", 0, hint="0: as fraction says"))
        if self.per != PER_WEIGHT:
            GroupLasso(None if self.axes is not None else self.per, self.axes)

    def longest_step(self) -> float:
        """Return 0: which weights stay jumps, whatever the step."""
        return 0.0

    def at(self, strength: Any) -> Cardinality:
        """Return it with what stays divided by a strength."""
        return replace(self, strength=strength)

    def with_axes(self, input_axis: int | None, output_axis: int | None) -> Cardinality:
        """Return it with `per` resolved to axes of a layer's array."""
        if self.per == PER_WEIGHT or self.axes is not None:
            return self
        return replace(self, axes=GroupLasso(self.per).with_axes(input_axis, output_axis).axes)

    def surplus(self, shape: tuple[int, ...]) -> str:
        """Return it where there are fewer units than are to stay."""
        count = self._scores(np.zeros(shape), 0).shape[-1]
        return f"keep={self.keep} of {count} {self.per}s" if self.keep > count else ""

    def excess(self, w: Array, stacked: int) -> Array:
        """Return by how much more units than may stay are not zero, relative to all."""
        library = library_of(w)
        size = self._scores(library.abs(w), stacked)
        one = library.zeros_like(size) + 1
        used = library.sum(library.where(size > 0, one, 0 * size), (size.ndim - 1,))
        return (used - self._kept(size, used, stacked)) / size.shape[-1]

    def projected(self, w: Array, step: Array, stacked: int) -> Array:
        """Return the weights of the units with the largest Σ w²/step, and 0 for the others."""
        library, own = library_of(w), model_axes(w, stacked)
        largest = library.max(library.abs(w), own, keepdims=True)
        unit = library.where((largest > 0) & (largest < math.inf), largest, library.cast(1.0, w))
        scaled = w / unit
        each = scaled * scaled * _weights(step, own)
        score = self._scores(library.where(w == 0, 0 * scaled, each), stacked)
        none = library.max(library.zeros_like(score), (score.ndim - 1,))
        kept = self._kept(score, none, stacked)
        stays = library.chosen(score, kept)
        lead = tuple(w.shape[:stacked])
        index = self._index(w, stacked)
        along = tuple(
            n if axis in index else 1 for axis, n in zip(own, w.shape[stacked:], strict=True)
        )
        moved = library.where(library.reshape(stays, (*lead, *along)), w, library.zeros_like(w))
        return library.where(w == w, moved, w)

    def _index(self, w: Array, stacked: int) -> Axes:
        """Return the axes of `w` that index units."""
        own = model_axes(w, stacked)
        if self.per == PER_WEIGHT and self.axes is None:
            return own
        within, _ = GroupLasso(None if self.axes is not None else self.per, self.axes).within(
            w, stacked
        )
        return tuple(axis for axis in own if axis not in within)

    def _scores(self, each: Array, stacked: int) -> Array:
        """Return the sum over each unit, as (*models, units)."""
        index = self._index(each, stacked)
        within = tuple(axis for axis in model_axes(each, stacked) if axis not in index)
        total = library_of(each).sum(each, within)
        return library_of(each).reshape(total, (*tuple(each.shape[:stacked]), -1))

    def _kept(self, score: Array, like: Array, stacked: int) -> Array:
        """Return how many units stay, one number a model."""
        library, count = library_of(score), score.shape[-1]
        most = float(self.keep or self.fraction * count)
        strength = per_model(self.strength, score, stacked)
        strength = library.reshape(strength, strength.shape[: stacked if strength.ndim else 0])
        kept = library.floor(most / strength + 1e-6) + 0 * like
        kept = library.where(kept >= 1, kept, 1 + 0 * like)
        return library.where(kept <= count, kept, count + 0 * like)


def _weights(step: Array, own: Axes) -> Array:
    """Return 1/step relative to the smallest of a model: a metric in units of its own."""
    library = library_of(step)
    inverse = library.where(step > 0, 1 / step, library.zeros_like(step))
    axes = own if step.ndim else ()
    top = library.max(inverse, axes, keepdims=True) if axes else inverse
    inverse = library.where(top > 0, inverse / top, library.zeros_like(inverse) + 1)
    return library.where(step > 0, inverse, library.cast(math.inf, step))
