"""A penalty that is not convex, written as a user would: the minimax concave penalty (MCP)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from shrinkage.arrays import Array, floating_library, kept_where_zero, model_axes, per_model
from shrinkage.penalties import Penalty, option


@dataclass(frozen=True)
class Firm(Penalty):
    """Σ |w| − w²/(2b) up to |w| = b, b/2 beyond, with b = knee·strength."""

    knee: float = field(
        default=3.0, metadata=option("where it becomes flat, in strengths", variants=(1.5, 10.0))
    )
    strength: Any = field(default=1.0, repr=False)

    name: ClassVar[str] = "firm"
    formula: ClassVar[str] = "Σ |w| − w²/(2b) up to b = knee·strength, b/2 beyond"
    summary: ClassVar[str] = "zeros without shrinking large weights"
    convex: ClassVar[bool] = False
    separable: ClassVar[bool] = True

    def at(self, strength: Any) -> Firm:
        return replace(self, strength=strength)

    def longest_step(self) -> Any:
        return self.knee * self.strength

    def _flat_from(self, w: Array, stacked: int) -> Array:
        return per_model(self.strength, w, stacked) * floating_library(w).cast(self.knee, w)

    def value(self, w: Array, stacked: int = 0) -> Array:
        library, flat = floating_library(w), self._flat_from(w, stacked)
        with library.quiet():
            size = library.clip(library.abs(w), -flat, flat)
            each = size - size * size / (2 * flat)
        return library.sum(each, model_axes(w, stacked))

    def gradient(self, w: Array, stacked: int = 0) -> Array:
        library, flat = floating_library(w), self._flat_from(w, stacked)
        return library.sign(w) * (1 - library.clip(library.abs(w), -flat, flat) / flat)

    def prox(self, w: Array, step: Any, stacked: int = 0) -> Array:
        library, flat = floating_library(w), self._flat_from(w, stacked)
        step = per_model(step, w, stacked)
        zero = library.zeros_like(w)
        with library.quiet():
            between = (w - library.clip(w, -step, step)) / (1 - step / flat)
            firm = library.where(library.abs(w) > flat, w, between)
            hard = library.where(w * w <= step * flat, zero, w)
            moved = library.where(step < flat, firm, hard)
        return kept_where_zero(step, w, moved)

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        library = floating_library(gradient)
        return library.max(library.abs(gradient), model_axes(gradient, stacked))
