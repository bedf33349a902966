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
from functools import cached_property
from typing import Any

from shrinkage.arrays import Array, library_of
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

    @cached_property
    def shared(self) -> Part | None:
        """The part of strength above 0 whose set other parameters share, if there is one."""
        shared = (part for part in self.parts if part.penalty.is_shared and not part.is_absent)
        return next(shared, None)

    def sharing(self, term: str, penalty: Penalty) -> StepPlan:
        """Return the plan where one term, whose set parameters share, has this part of it here."""

        def own(part: Part) -> Part:
            shares = part.term == term and part.penalty.is_shared
            return replace(part, penalty=penalty) if shares else part

        return self.changed(own)

    @cached_property
    def renewals(self) -> tuple[Array | None, ...]:
        """What the renewed parts hold, in their order; None before the first time."""
        return tuple(part.penalty.renewal() for part in self.parts if part.penalty.is_renewed)

    def with_renewals(self, held: Iterable[Array | None]) -> StepPlan:
        """Return the plan whose renewed parts hold what `renewals` gave."""
        left = iter(held)

        def own(part: Part) -> Part:
            if not part.penalty.is_renewed:
                return part
            return replace(part, penalty=part.penalty.with_renewal(next(left)))

        return self.changed(own)

    def renewed(self, w: Array, steps: Any) -> StepPlan:
        """Return the plan after so many real steps, which ended at these weights.

        Where the number of steps is traced, what was held before has to be an array; None begins
        every round.

        >>> import numpy as np
        >>> from shrinkage.penalties import ReweightedL1
        >>> plan = StepPlan.of([Part(0.1, ReweightedL1(epsilon=1.0, every=2))])
        >>> [plan.renewed(np.array([3.0]), steps).renewals for steps in (1, 2)]
        [(None,), (array([0.25]),)]
        """

        def due_of(part: Part) -> Any:
            return part.penalty.is_renewed if steps is None else part.penalty.is_due(steps)

        def own(part: Part) -> Part:
            due = due_of(part)
            if due is False:
                return part
            penalty = part.penalty.renewed(part.about(w))
            if due is not True:
                held, new = part.penalty.renewal(), penalty.renewal()
                penalty = penalty.with_renewal(library_of(w).where(due, new, held))
            return replace(part, penalty=penalty)

        return self.changed(own) if any(due_of(p) is not False for p in self.parts) else self

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
