"""What the terms on one parameter should do in one step, in float64.

Who uses this: `measure`. Three mechanisms: "gradient" (the penalty's gradient joins the data's),
"decoupled" (smooth parts shrink the old weights, the others act on the moved ones) and "proximal"
(the prox of all parts acts on the moved weights). What each does around a step is a `StepPlan`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from shrinkage.penalties import Penalty
from shrinkage.terms import Part, StepPlan, present, subgradient_of

Array = Any
MECHANISMS = ("gradient", "decoupled", "proximal")
ENOUGH = 1 << 17  # weights of a parameter that tell as much as all
FEW = 1 << 14  # … whose factor alone is asked for
_BLOCK = 1 << 15  # weights at a time: a dozen arrays of them stay in the cache


@dataclass(frozen=True, eq=False)
class Expectation:
    """The parts of one parameter's terms at scale 1.

    `lost` is what a subgradient loses on the way, None for nothing.
    """

    parts: tuple[Part, ...]
    lost: Array | None = None

    @classmethod
    def of(cls, parts: Iterable[Part]) -> Expectation:
        """Return what parts should do, references in float64."""
        return cls(tuple(replace(p, reference=_wide(p.reference)) for p in present(parts)))

    def scaled(self, factor: float) -> Expectation:
        """Return the expectation at other strengths."""
        if factor == 1:
            return self
        return Expectation(tuple(p.at(p.strength / p.share * factor) for p in self.parts))

    def part_of(self, term: str) -> Part:
        """Return the part of a term whose set parameters share."""
        return next(p for p in self.parts if p.term == term and p.penalty.is_shared)

    def sharing(self, term: str, penalty: Penalty) -> Expectation:
        """Return the expectation with what one parameter has of such a set."""
        own = self.part_of(term)
        return Expectation(
            tuple(replace(p, penalty=penalty) if p is own else p for p in self.parts)
        )

    @property
    def is_diagonal(self) -> bool:
        """Whether its prox takes a step for each weight."""
        return all(part.penalty.diagonal for part in self.parts)

    def mechanisms(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of some mechanisms by which the parts can come: a constraint has a prox."""
        finite = all(part.penalty.finite for part in self.parts)
        return tuple(name for name in names if finite or name != "gradient")

    def plan(self, mechanism: str) -> StepPlan:
        """Return what happens around the step where all parts come by one mechanism."""
        if mechanism not in self._plans:
            parts = (replace(part, update=mechanism) for part in self.parts)
            self._plans[mechanism] = StepPlan.of(parts)
        return self._plans[mechanism]

    @cached_property
    def _plans(self) -> dict[str, StepPlan]:
        return {}

    def subgradient(self, w: Array) -> Array:
        """Return Σ strength·∂Ω(w − reference), less what is lost of it."""
        pull = subgradient_of(self.parts, w)
        return pull if self.lost is None else pull - self.lost

    def change(self, mechanism: str, w: Array, moved: Array, rate: Any, reach: Any = None) -> Array:
        """Return how far a mechanism brings the weights from `moved`.

        Args:
            mechanism: one of `MECHANISMS`.
            w: the weights before the step.
            moved: where the data's gradient alone brings them.
            rate: the learning rate; of a prox also one per weight.
            reach: what bounds a prox in the optimizer's metric, None for no bound.
        """
        plan = self.plan(mechanism)
        pushed = moved - rate * subgradient_of((*plan.gradient, *plan.before), w)
        for nonsmooth in (plan.after, plan.in_metric):
            pushed = nonsmooth.prox(pushed, rate, reach=reach) if nonsmooth else pushed
        return pushed - moved

    def blocks(
        self, count: int, enough: int = ENOUGH
    ) -> Iterator[tuple[slice | None, Expectation]]:
        """Yield what can be looked at one after the other; None is all of the parameter.

        Of separable parts some 2¹⁷ weights tell as much as all: of more, every so many-th is
        looked at. Where nothing is expected, all are.

        Args:
            count: of the parameter's weights.
            enough: weights that tell as much as all.
        """
        if count <= _BLOCK or not all(part.penalty.separable for part in self.parts):
            yield None, self
            return
        stride = _stride(count // enough) if self.parts else 1
        for start in range(0, count, stride * _BLOCK):
            where = slice(start, min(start + stride * _BLOCK, count), stride)
            lost = None if self.lost is None else self.lost.flat[where]
            yield where, Expectation(tuple(_cut(part, where) for part in self.parts), lost)

    def some(self, every: int) -> Expectation | None:
        """Return what is expected of every so many-th weight, None where these depend on others."""
        if not all(part.penalty.separable for part in self.parts):
            return None
        return Expectation(tuple(_cut(part, slice(None, None, every)) for part in self.parts))

    def centred(self, w: Array, axes: tuple[int, ...]) -> Expectation:
        """Return what is expected where subgradients lose their means over some axes.

        Args:
            w: all weights, in float64.
            axes: of the means.
        """
        means = self.subgradient(w).mean(axis=axes, keepdims=True)
        return replace(self, lost=np.broadcast_to(means, w.shape))


def _stride(least: int) -> int:
    """Return a stride that is no fraction of a usual width: every column is looked at.

    >>> _stride(1), _stride(8), _stride(48)
    (1, 11, 53)
    """
    stride = max(1, least)
    while any(stride % small == 0 and stride > 1 for small in (2, 3, 5, 7)):
        stride += 1
    return stride


def _cut(part: Part, where: slice) -> Part:
    if part.reference is None:
        return part
    return replace(part, reference=np.ravel(part.reference)[where])


def _wide(reference: Any) -> Array | None:
    if reference is None:
        return None
    if hasattr(reference, "detach"):
        reference = reference.detach().cpu().double().numpy()
    return np.asarray(reference, dtype=np.float64)
