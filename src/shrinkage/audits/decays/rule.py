"""The rules by which optimizers decay weights of their own, and what was measured of one.

Who uses this: `measure`, which decides on a rule; what is known of optimizers; the judges.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class OwnDecay(Enum):
    """How the `weight_decay` λ in an optimizer's groups enters its step."""

    COUPLED = "weight_decay·w is added to the gradient"
    DECOUPLED = "lr·weight_decay·w is taken from the weights, beside the gradient"
    INDEPENDENT = "weight_decay·w is taken from the weights, whatever the learning rate"
    CORRECTED = "lr²/lr_max·weight_decay·w is taken from the weights"
    SCALED = "a multiple of lr·weight_decay·w is taken from the weights"
    INTERMITTENT = "weights are decayed in some steps only"
    MASKED = "some weights of a parameter are decayed, others are not"
    RESCALED = "weight_decay·w joins a step that is rescaled as a whole"
    NONE = "there is none"
    UNKNOWN = "it is not known"

    @property
    def has_update(self) -> bool:
        """Whether an update of this library does the same: "gradient" or "decoupled"."""
        return self in (OwnDecay.COUPLED, OwnDecay.DECOUPLED)

    @property
    def acts_otherwise(self) -> bool:
        """Whether it acts, by a rule that no update has."""
        return not self.has_update and self not in (OwnDecay.NONE, OwnDecay.UNKNOWN)


@dataclass(frozen=True)
class MeasuredDecay:
    """A rule with its numbers, for one parameter.

    Args:
        rule: how the decay acts.
        factor: what arrives over lr·λ·w (coupled: over λ·w in the gradient).
        error: what rounding can have done to the factor.
        residual: the share of the change that the rule leaves unexplained.
        share: of the weights, those that are decayed.
        acting: the steps of the walk in which it acts, from 1.
        steps: of the walk.
    """

    rule: OwnDecay = OwnDecay.UNKNOWN
    factor: float = 1.0
    error: float = 0.0
    residual: float = 0.0
    share: float = 1.0
    acting: tuple[int, ...] = ()
    steps: int = 1

    def __str__(self) -> str:
        number = f"{self.factor:.4g} · lr · λ · w"
        if self.rule is OwnDecay.INTERMITTENT:
            when = ", ".join(map(str, self.acting))
            return f"{number} in step {when} of {self.steps} and nothing in the others"
        if self.rule is OwnDecay.MASKED:
            return f"{number} on {self.share:.0%} of the weights and nothing on the others"
        if self.rule is OwnDecay.RESCALED:
            return f"{number}, as a part of a step that is rescaled as a whole"
        if self.rule is OwnDecay.INDEPENDENT:
            return f"{number}: the same at every learning rate"
        if self.rule is OwnDecay.CORRECTED:
            return f"{number}, with the square of the learning rate over the largest"
        return number
