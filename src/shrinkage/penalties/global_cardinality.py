"""Global cardinality: of all weights of several layers together only the largest stay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from shrinkage.arrays import Array, is_traced, library_of, model_axes, per_model
from shrinkage.checks import number, whole
from shrinkage.errors import InputError
from shrinkage.penalties.cardinality import Cardinality
from shrinkage.penalties.constraint import Constraint
from shrinkage.penalties.options import option


@dataclass(frozen=True, repr=False)
class GlobalCardinality(Constraint):
    """The constraint that the layers of a term keep fraction/strength of their weights, together.

    `1.0 * GlobalCardinality(fraction=0.1)` keeps the largest tenth of all weights that it is on,
    wherever they lie, and at least `least` in every array, so that no layer dies; at strength s it
    keeps a share of 1/s of that. Largest means w²/step, in the metric of the optimizer: with equal
    steps the magnitude. Of equal ones those of the first array stay, and there the first. It is not
    convex: which ones stay may depend on the start.

    After every step `shared` says how many stay in each array, from all of them, and each is then
    projected as by `Cardinality`; an array alone may hold all that stay.

    Args:
        fraction: the share that stays at strength 1.
        keep: how many stay at strength 1, instead of a fraction; 0: the fraction says it.
        least: how many stay in every array, if it has as many, even where that is more in all.
        strength: of the shape; terms set it by `at`.
        stays: how many stay in this array; `shared` sets it.

    Raises:
        InputError: a fraction that is not above 0 and at most 1, or more to keep than there are.

    >>> import numpy as np
    >>> first, second = np.array([3.0, -2.0, 0.1]), np.array([1.0, 0.5])
    >>> each = GlobalCardinality(keep=3).shared([first, second], [1.0, 1.0])
    >>> [own.prox(w, 1.0).tolist() for own, w in zip(each, [first, second])]
    [[3.0, -2.0, 0.0], [1.0, 0.0]]

    Source: Frankle and Carbin, The lottery ticket hypothesis, ICLR (2019), whose global pruning is
    this projection once; Blumensath and Davies, Appl. Comput. Harmon. Anal. 27 (2009).
    """

    fraction: float = field(
        default=1.0, metadata=option("share that stays at strength 1", variants=(0.3,))
    )
    keep: int = field(
        default=0, metadata=option("how many stay at strength 1; 0: the fraction", variants=(4,))
    )
    least: int = field(default=1, metadata=option("how many stay in every layer"))
    strength: Any = field(default=1.0, repr=False)
    stays: Any = field(default=None, repr=False)

    name: ClassVar[str] = "global-cardinality"
    also_called: ClassVar[tuple[str, ...]] = ("global-top-k", "global-magnitude")
    formula: ClassVar[str] = "number of w ≠ 0 in all layers ≤ fraction/strength of all"
    summary: ClassVar[str] = "a constraint: the largest weights of all layers together stay"
    convex: ClassVar[bool] = False
    is_shared: ClassVar[bool] = True

    def __post_init__(self) -> None:
        share = number(self.fraction, "fraction", above=0, most=1, hint="0.1 keeps a tenth")
        object.__setattr__(self, "fraction", share)
        object.__setattr__(self, "keep", whole(self.keep, "keep", 0, hint="0: as fraction says"))
        object.__setattr__(self, "least", whole(self.least, "least", 0, hint="1 is usual"))

    def longest_step(self) -> float:
        """Return 0: which weights stay jumps, whatever the step."""
        return 0.0

    def at(self, strength: Any) -> GlobalCardinality:
        """Return it with what stays divided by a strength; what stays here is settled anew."""
        return replace(self, strength=strength)

    def of_models(self, models: slice) -> GlobalCardinality:
        """Return it for some of the models of a stack."""
        stays = self.stays
        return replace(
            self, stays=stays[models] if hasattr(stays, "ndim") and stays.ndim else stays
        )

    def shared(
        self, arrays: Sequence[Array], steps: Sequence[Any], stacked: int = 0
    ) -> tuple[GlobalCardinality, ...]:
        """Return the constraint of each array: how many of its weights are among the largest.

        Args:
            arrays: all that share it, each of shape (*models, *weights).
            steps: for each a number, one a model or one a weight, in one unit for all.
            stacked: how many leading axes run over models.
        """
        with library_of(arrays[0]).quiet():
            scores = _scores(arrays, steps, stacked)
            counts = self._counts(scores, stacked)
            least = [min(self.least, score.shape[-1]) for score in scores]
            if any(_may_be(own < few) for own, few in zip(counts, least, strict=True)):
                raised = [_raised(own, few) for own, few in zip(scores, least, strict=True)]
                counts = self._counts(raised, stacked, sum(least))
        return tuple(replace(self, stays=own) for own in counts)

    def _counts(self, scores: Sequence[Array], stacked: int, fewest: int = 1) -> list[Array]:
        """Return how many of the largest scores of all are in each array, one number a model."""
        library, last = library_of(scores[0]), scores[0].ndim - 1
        every = library.concatenate(scores, last)
        chosen = library.chosen(every, self._most(every, stacked, fewest))
        one = library.zeros_like(every) + 1
        counted, counts, start = library.where(chosen, one, 0 * one), [], 0
        for score in scores:
            end = start + score.shape[-1]
            counts.append(library.sum(counted[..., start:end], (last,)))
            start = end
        return counts

    def excess(self, w: Array, stacked: int) -> Array:
        """Return by how much more weights than may stay here are not zero, relative to all."""
        return self._here(w, stacked).excess(w, stacked)

    def projected(self, w: Array, step: Array, stacked: int) -> Array:
        """Return the weights with the largest w²/step, as many as stay in this array."""
        return self._here(w, stacked).projected(w, step, stacked)

    def _here(self, w: Array, stacked: int) -> _Stays:
        count = math.prod(w.shape[stacked:])
        stays = self.stays
        if stays is None:  # alone
            score = library_of(w).reshape(w, (*tuple(w.shape[:stacked]), count))
            stays = self._most(score, stacked, strict=False)
        return _Stays(strength=stays)

    def _most(self, score: Array, stacked: int, fewest: int = 1, strict: bool = True) -> Array:
        """Return how many stay of all, one number a model."""
        library, count = library_of(score), score.shape[-1]
        if strict and self.keep > count:
            raise InputError(
                f"expected at most {count} to keep of {count} weights in all layers, got "
                f"keep={self.keep}: keep fewer"
            )
        like = library.zeros_like(library.max(score, (score.ndim - 1,)))
        strength = self.strength
        if not stacked and hasattr(strength, "shape"):  # one number, with the axes of an array
            strength = library.reshape(library.cast(strength, score), ())
        strength = per_model(strength, score, stacked)
        strength = library.reshape(
            strength, tuple(strength.shape)[: stacked if strength.ndim else 0]
        )
        most = library.floor(float(self.keep or self.fraction * count) / strength + 1e-6) + like
        most = library.where(most >= fewest, most, fewest + like)
        return library.where(most <= count, most, count + like)


@dataclass(frozen=True, repr=False)
class _Stays(Cardinality):
    """`Cardinality` of as many weights as its strength says."""

    def _kept(self, score: Array, like: Array, stacked: int) -> Array:  # noqa: ARG002
        return library_of(score).cast(self.strength, score) + 0 * like


def _may_be(fewer: Array) -> bool:
    """Return whether a layer has too few; of what is traced that is not known, and may be.

    With the few largest of every layer raised, the same ones stay where none has too few.
    """
    return is_traced(fewer) or bool(library_of(fewer).any(fewer))


def _raised(score: Array, least: int) -> Array:
    """Return the scores with the largest few, which stay in any case, at inf."""
    if not least:
        return score
    library = library_of(score)
    count = library.zeros_like(library.max(score, (score.ndim - 1,))) + least
    top = library.zeros_like(score) + library.cast(math.inf, score)
    return library.where(library.chosen(score, count), top, score)


def _scores(arrays: Sequence[Array], steps: Sequence[Any], stacked: int) -> list[Array]:
    """Return w²/step of each array as (*models, weights), in units of the largest of a model."""
    library = library_of(arrays[0])
    wide = [library.wide(w) for w in arrays]
    like = [
        library.reshape(
            library.max(library.abs(w), model_axes(w, stacked)), (*w.shape[:stacked], 1)
        )
        for w in wide
    ]
    largest = like[0]
    for other in like[1:]:
        largest = library.where(other > largest, other, largest)
    fits = (largest > 0) & (largest < math.inf)
    unit = library.where(fits, largest, library.zeros_like(largest) + 1)
    scores = []
    for w, step in zip(wide, steps, strict=True):
        own = per_model(step, w, stacked) + library.zeros_like(w)
        flat, over = (
            library.reshape(x, (*tuple(w.shape[:stacked]), math.prod(w.shape[stacked:])))
            for x in (w, own)
        )
        scaled = flat / unit
        scores.append(library.where(flat == 0, library.zeros_like(flat), scaled * scaled / over))
    return scores
