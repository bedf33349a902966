"""Reweighted L1: L1 whose weights are renewed as training goes, small ones shrunk the most."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from shrinkage.arrays import Array, floating_library, kept_where_zero, model_axes, per_model
from shrinkage.checks import positive, whole
from shrinkage.penalties.base import Penalty
from shrinkage.penalties.options import option


@dataclass(frozen=True)
class ReweightedL1(Penalty):
    """Reweighted L1, Σ a·|w|: a = 1 at first, then a = ε/(|w| + ε) of every so many-th step.

    Each round is convex, and its a are the slopes of the log-sum penalty Σ ε·log(1 + |w|/ε), which
    the rounds minimize together: weights far above ε are hardly shrunk, those at 0 as by L1.
    `LogSum` does that in every step, without a second loop. The literature's a is this over ε. Who
    trains renews it; in a loss or a solved path, where nobody counts steps, it is refused.

    Args:
        epsilon: ε, above 0, in units of the weights: somewhat below those that matter.
        every: how many real steps a round has.
        weights: a, shaped as the array; who trains sets it by `renewed`.

    Raises:
        InputError: `epsilon` is no number above 0, `every` no whole one.

    >>> import numpy as np
    >>> second = ReweightedL1(epsilon=1.0).renewed(np.array([3.0, 0.0]))
    >>> second.prox(np.array([2.0, 2.0]), 1.0)
    array([1.75, 1.  ])

    Source: Candès, Wakin and Boyd, Enhancing sparsity by reweighted ℓ1 minimization, J. Fourier
    Anal. Appl. 14 (2008).
    """

    epsilon: float = field(
        default=0.1, metadata=option("weights far above it are hardly shrunk", variants=(1.0,))
    )
    every: int = field(default=100, metadata=option("steps from one renewal to the next"))
    weights: Any = field(default=None, repr=False, compare=False)

    name: ClassVar[str] = "reweighted-l1"
    also_called: ClassVar[tuple[str, ...]] = ("iterative-l1",)
    formula: ClassVar[str] = "Σ a·|w|, a = ε/(|w| + ε) of every so many-th step"
    summary: ClassVar[str] = "zeros, and weights that stay large are shrunk less and less"
    separable: ClassVar[bool] = True
    is_renewed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", positive(self.epsilon, "epsilon", "0.1 is usual"))
        object.__setattr__(self, "every", whole(self.every, "every", 1, "100 is usual"))

    def is_due(self, step: Any) -> Any:
        """Return whether a round ends after so many real steps; none does before the first."""
        return (step % self.every == 0) & (step > 0)

    def renewed(self, w: Array) -> ReweightedL1:
        """Return the penalty of the round that begins at these weights."""
        library = floating_library(w)
        epsilon = library.cast(self.epsilon, w)
        with library.quiet():
            return replace(self, weights=epsilon / (library.abs(w) + epsilon))

    def renewal(self) -> Array | None:
        """Return the a of this round."""
        return self.weights

    def with_renewal(self, held: Array | None) -> ReweightedL1:
        """Return it in the round of these a."""
        return replace(self, weights=held)

    def of_models(self, models: slice) -> ReweightedL1:
        """Return it for some of the models of a stack."""
        return self if self.weights is None else replace(self, weights=self.weights[models])

    def value(self, w: Array, stacked: int = 0) -> Array:
        """Return Σ a·|w|."""
        library = floating_library(w)
        return library.sum(self._slopes(w) * library.abs(w), model_axes(w, stacked))

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        """Return a·sign(w), 0 at 0."""
        library = floating_library(w)
        model_axes(w, stacked)
        return self._slopes(w) * library.sign(w)

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        """Return soft-thresholding by step · a."""
        library = floating_library(w)
        steps = per_model(step, w, stacked)
        with library.quiet():
            threshold = steps * self._slopes(w)
            moved = w - library.clip(w, -threshold, threshold)
        return kept_where_zero(steps, w, moved)

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return max |gradient|/a."""
        library = floating_library(gradient)
        size = library.abs(gradient) / self._slopes(gradient)
        return library.max(size, model_axes(gradient, stacked))

    def _slopes(self, w: Array) -> Array:
        library = floating_library(w)
        if self.weights is None:
            return library.zeros_like(w) + 1
        return library.cast(self.weights, w)
