"""What was seen of one parameter at one scale.

Who uses this: `measure` makes them, `judging` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter

from shrinkage.audits.measuring.expected import MECHANISMS
from shrinkage.audits.measuring.fits import Fit

_UNEVEN = 0.02
_factor = attrgetter("factor")


@dataclass(frozen=True)
class PartSeen:
    """What arrives of one of several parts: its penalty, its strength, how often that is there."""

    penalty: str
    strength: float
    factor: float


@dataclass(frozen=True)
class Measured:
    """What was seen of one parameter at one scale.

    `gradient` compares the gradients. `changes` compares the weights, by mechanism: all of the
    change where gradients are unknown, else the part that the gradients do not explain; empty
    where the optimizer does not let it be told. `representable` is ⟨rounded shrink, shrink⟩ and
    ‖shrink‖², `clip` how far the displacement is along the step itself.
    """

    finite: bool
    gradient: Fit | None
    changes: dict[str, Fit] = field(default_factory=dict)
    representable: tuple[float, float] = (1.0, 1.0)
    displacement: Fit = field(default_factory=Fit)
    clip: Fit = field(default_factory=Fit)
    plain: bool = False
    loop: Fit | None = None  # the loop's gradients alone, where the optimizer adds to them
    centred: bool = False  # whether the gradients lack a mean, and the penalty with them
    along: tuple[Fit, ...] = ()  # of a step with several gradients, those that move the weights
    parts: tuple[PartSeen, ...] = ()  # where several arrive, and not in their proportion

    @property
    def survives(self) -> float:
        """The share of the expected shrink that the weights' dtype can hold."""
        rounded, exact = self.representable
        return rounded / exact if exact > 0 else 1.0

    @property
    def is_uneven(self) -> bool:
        """Whether gradients of one step have the penalty with factors of their own."""
        fits = [fit for fit in self.along if fit.expects]
        low, high = (pick(fits, key=_factor, default=Fit()) for pick in (min, max))
        slack = _UNEVEN * max(abs(low.factor), abs(high.factor))
        return bool(fits) and high.factor - low.factor > slack + low.error + high.error

    @property
    def moved(self) -> bool:
        """Whether the weights ended elsewhere, by more than rounding."""
        return self.displacement.present


def merged(blocks: list[Measured]) -> Measured:
    """Return what was seen of all blocks of a parameter together."""
    first, *others = blocks
    if not all(block.finite for block in blocks):
        return Measured(False, None)
    if not others:
        return first
    names = set(first.changes).intersection(*(block.changes for block in others))
    gradients = [block.gradient for block in blocks if block.gradient is not None]
    rounded, exact = zip(*(block.representable for block in blocks), strict=True)
    return Measured(
        True,
        sum(gradients, Fit()) if len(gradients) == len(blocks) else None,
        {
            name: sum((block.changes[name] for block in blocks), Fit())
            for name in MECHANISMS
            if name in names
        },
        (sum(rounded), sum(exact)),
        sum((block.displacement for block in blocks), Fit()),
        sum((block.clip for block in blocks), Fit()),
        all(block.plain for block in blocks),
        None if first.loop is None else sum((block.loop or Fit() for block in blocks), Fit()),
    )
