"""One parameter in an optimizer: its updates, and the shares that terms have of it.

Who uses this: `Attachment`. A share is a term's penalty on one parameter without its strength,
because strengths change in training: `Slot.set_strengths` brings them into the updates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from shrinkage.penalties import Penalty
from shrinkage.pytorch.sharding import crosses, is_sharded, piece_of, sum_over_pieces
from shrinkage.pytorch.updates import UPDATES, Target, Tools, Update
from shrinkage.pytorch.zeros import FrozenZeros
from shrinkage.terms import Part


@dataclass(frozen=True, eq=False)
class Share:
    """weight × penalty(w − reference): what term number `term` has on one parameter."""

    term: int
    update: str
    penalty: Penalty
    weight: float = 1.0
    reference: torch.Tensor | None = None

    def part(self, strengths: Sequence[Any]) -> Part:
        """Return the part at the strength that the term has now."""
        strength = strengths[self.term]
        whole = strength if self.weight == 1 else strength * self.weight
        return Part(whole, self.penalty, self.reference)


class Slot:
    """A parameter with its updates.

    Args:
        target: the parameter.
        group: index of its parameter group in the optimizer.
        shares: what the terms have on it.
        strengths: by number of term.
        tools: what all slots of an attachment share.
    """

    def __init__(
        self,
        target: Target,
        group: int,
        shares: Iterable[Share],
        strengths: Sequence[Any],
        tools: Tools,
    ) -> None:
        self.target = target
        self.parameter = target.parameter
        self.group = group
        self.shares = tuple(shares)
        self.frozen = FrozenZeros()
        self.terms = frozenset(share.term for share in self.shares)
        named = {share.update for share in self.shares}
        # One order, whatever that of the terms: decays come before a metric notes the weights.
        self._names = tuple(name for name in UPDATES if name in named)
        self.updates: tuple[Update, ...] = tuple(
            UPDATES[name](self.parts(name, strengths), target, tools) for name in self._names
        )
        self.makes_zeros = any(update.makes_zeros for update in self.updates)

    def parts(self, update: str, strengths: Sequence[Any]) -> list[Part]:
        """Return the parts of one update at these strengths."""
        return [share.part(strengths) for share in self.shares if share.update == update]

    def set_strengths(self, strengths: Sequence[Any]) -> None:
        """Bring new strengths into the updates."""
        for name, update in zip(self._names, self.updates, strict=True):
            update.set_strengths(self.parts(name, strengths))

    def value(self, share: Share, strengths: Sequence[Any]) -> Any:
        """Return strength·penalty of one share: a number, or one per stacked model."""
        target, part = self.target, share.part(strengths)
        w, inner = target.view(self.parameter), min(1, target.stacked)
        found = part.penalty.value(part.about(w), inner)
        if not target.gathered:
            found = sum_over_pieces(found, self.parameter)
        return part.strength * (found if inner else float(found))

    def hold_zeros(self, *, grow: bool) -> None:
        """Put frozen zeros back; with `grow`, those that are there now are frozen too."""
        target = self.target
        w = target.view(self.parameter)
        self.frozen.hold(w, target.resolution.low, grow=grow)
        target.put(w, self.parameter)


def make_target(name: str, parameter: torch.Tensor, shares: Sequence[Share]) -> Target:
    """Return the target of a parameter, gathered where a group crosses its pieces."""
    parts = tuple(Part(1.0, share.penalty) for share in shares)
    return Target(name, parameter, gathered=crosses(parts, parameter))


def cut(reference: torch.Tensor | None, target: Target) -> torch.Tensor | None:
    """Return a whole reference as the target's views are: cut where they are."""
    if reference is None or target.gathered or not is_sharded(target.parameter):
        return reference
    return piece_of(reference, target.parameter).clone()
