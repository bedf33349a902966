"""What happens to one parameter around a step: computed once from its parts, read everywhere.

Who uses this: PyTorch, Keras, optax and the network from scratch carry it out, each in its own
arrays; the audit expects it. With learning rate lr and step size (lr in the optimizer's metric):

    loss        the loss gains strength · Ω(w)
    gradient    the gradient gains strength · ∂Ω(w)
    before      w ← w − lr · strength · ∂Ω(w), then the optimizer moves      (decoupled, smooth)
    corrected   the same with lr²/(largest lr), of L2
    cautious    the same where the optimizer moves a weight towards zero, of L2
    after       w ← prox(w, lr · strength), when it has moved                (decoupled, nonsmooth)
    in_metric   w ← prox(w, step size of each weight · strength)             (proximal)

The last goes no farther than twice what the optimizer itself moves a weight by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shrinkage.errors import InputError, OverlapError
from shrinkage.penalties import Penalty
from shrinkage.terms.part import Part
from shrinkage.terms.proximal_sum import ProximalSum, closed_form, smooth_and_nonsmooth
from shrinkage.terms.term import DECAY_RULES, UPDATES


@dataclass(frozen=True, eq=False)
class StepPlan:
    """The parts of one parameter, sorted by what they do around a step.

    >>> from shrinkage.penalties import L1, L2
    >>> plan = StepPlan.of([Part(0.1, L1(), update="decoupled"), Part(0.2, L2(), update="loss")])
    >>> [part.penalty for part in plan.loss], [part.penalty for part in plan.after.parts]
    ([L2()], [L1()])
    """

    parts: tuple[Part, ...]
    loss: tuple[Part, ...]
    gradient: tuple[Part, ...]
    before: tuple[Part, ...]
    after: ProximalSum
    in_metric: ProximalSum
    corrected: tuple[Part, ...] = ()
    cautious: tuple[Part, ...] = ()

    @classmethod
    def of(cls, parts: Iterable[Part]) -> StepPlan:
        """Return the plan of the parts of one parameter.

        Raises:
            OverlapError: nonsmooth parts meet without a closed form, or by two updates.
            InputError: a rule of decay on a penalty that is not L2, or a constraint in the loss.
        """
        parts = tuple(parts)
        loss, gradient, decoupled, proximal, corrected, cautious = (
            tuple(part for part in parts if part.update == update)
            for update in (*UPDATES, *DECAY_RULES)
        )
        for part in loss + gradient:
            if not part.penalty.finite:
                raise InputError(
                    f"expected update='proximal' or 'decoupled' for {part.penalty!r}, a "
                    f"constraint, got {part.update!r}: it adds nothing to a loss or a gradient"
                )
        for part in corrected + cautious:
            if not part.is_decay:
                raise InputError(
                    f"expected L2 about zero for update={part.update!r}, a rule of weight decay, "
                    f"got {part.penalty!r}: use update='decoupled' or 'proximal' for it"
                )
        before, after = smooth_and_nonsmooth(decoupled)
        if after and smooth_and_nonsmooth(proximal)[1]:
            raise OverlapError(
                "expected one update for nonsmooth terms, got decoupled and proximal: "
                "give both the same update"
            )
        sums = closed_form(after), closed_form(proximal)
        return cls(parts, loss, gradient, before, *sums, corrected, cautious)

    def __bool__(self) -> bool:
        return bool(self.parts)

    def at(self, strengths: Mapping[str, Any]) -> StepPlan:
        """Return the plan where the terms have these strengths, by their ids."""
        return self.changed(lambda part: part.at(strengths[part.term]))

    def sharing(self, term: str, penalty: Penalty) -> StepPlan:
        """Return the plan where one term, whose set parameters share, has this part of it here."""

        def own(part: Part) -> Part:
            shares = part.term == term and part.penalty.is_shared
            return replace(part, penalty=penalty) if shares else part

        return self.changed(own)

    def changed(self, change: Callable[[Part], Part]) -> StepPlan:
        """Return the plan where each part is what a function makes of it."""
        now = {id(part): change(part) for part in self.parts}

        def those(parts: tuple[Part, ...]) -> tuple[Part, ...]:
            return tuple(now[id(part)] for part in parts)

        return StepPlan(
            those(self.parts),
            those(self.loss),
            those(self.gradient),
            those(self.before),
            ProximalSum(those(self.after.assigned)),
            ProximalSum(those(self.in_metric.assigned)),
            those(self.corrected),
            those(self.cautious),
        )

    @property
    def makes_zeros(self) -> bool:
        """Whether a step can end in exact zeros, at some strengths."""
        acting = (*self.after.assigned, *self.in_metric.assigned)
        return any(not part.penalty.smooth for part in acting)
