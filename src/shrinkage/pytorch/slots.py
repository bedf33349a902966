"""One parameter in an optimizer: the plan of its step, and the updates that carry it out.

Who uses this: `Attachment`. Strengths change in training, and penalties that are renewed: a slot
brings them into the plan and the updates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from shrinkage.pytorch.loss import as_reference
from shrinkage.pytorch.sharding import crosses, is_sharded, shard_of, sum_over_shards
from shrinkage.pytorch.updates import UPDATES, Target, Tools, Update
from shrinkage.pytorch.zeros import FrozenZeros
from shrinkage.terms import Part, StepPlan


class Slot:
    """A parameter with its updates.

    Args:
        target: the parameter.
        group: index of its parameter group in the optimizer.
        plan: what happens to it around a step.
        tools: what all slots of an attachment share.
    """

    def __init__(self, target: Target, group: int, plan: StepPlan, tools: Tools) -> None:
        self.target = target
        self.parameter = target.parameter
        self.group = group
        self.plan = plan
        self.terms = frozenset(part.term for part in plan.parts)
        self.makes_zeros = plan.makes_zeros
        self.frozen = FrozenZeros()
        self.named = frozenset(part.update for part in plan.parts)
        # One order, whatever that of the terms: decays come before a metric notes the weights.
        self.updates: tuple[Update, ...] = tuple(
            kind(plan, target, tools) for name, kind in UPDATES.items() if name in self.named
        )

    def set_strengths(self, strengths: Mapping[str, Any]) -> None:
        """Bring new strengths, by id of term, into the plan and the updates."""
        self.take(self.plan.at(strengths))

    def take(self, plan: StepPlan) -> None:
        """Take another plan of the same parts."""
        self.plan = plan
        for update in self.updates:
            update.take(plan)

    def renew(self, steps: int) -> None:
        """Begin the rounds of penalties that are due after so many real steps."""
        plan = self.plan.renewed(self.target.view(self.parameter), steps)
        if plan is not self.plan:
            self.take(plan)

    def value(self, part: Part) -> Any:
        """Return strength·penalty of one part: a number, or one per stacked model."""
        target = self.target
        w, inner = target.view(self.parameter), min(1, target.stacked)
        value = part.penalty_at(w, inner)
        if not target.gathered:
            value = sum_over_shards(value, self.parameter)
        return part.strength * (value if inner else float(value))

    def hold_zeros(self, *, grow: bool) -> None:
        """Put frozen zeros back; with `grow`, those that are there now are frozen too."""
        target = self.target
        w = target.view(self.parameter)
        self.frozen.hold(w, target.resolution.low, grow=grow)
        target.put(w, self.parameter)


def make_slot(name: str, parameter: torch.Tensor, group: int, plan: StepPlan, tools: Tools) -> Slot:
    """Return the slot of a parameter, gathered where a group crosses its shards.

    References become tensors like the parameter, one copy for all parts that share it.
    """
    target = Target(name, parameter, gathered=crosses(plan.parts, parameter))
    references: dict[int, torch.Tensor | None] = {}
    for part in plan.parts:
        if id(part.reference) not in references:
            own = as_reference(part.reference, parameter)
            if own is not None and is_sharded(parameter) and not target.gathered:
                own = shard_of(own, parameter).clone()
            references[id(part.reference)] = own
    parts = (replace(part, reference=references[id(part.reference)]) for part in plan.parts)
    return Slot(target, group, StepPlan.of(parts), tools)
