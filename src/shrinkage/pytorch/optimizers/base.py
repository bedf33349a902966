"""What is known of a class of optimizers, in one record.

Who uses this: the families of optimizers, which fill records in; through `facts_of`, the updates,
the attachment's checks and the audit, which ask it and never the class. What a record says of the
metric, the decay and adaptivity is measured in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shrinkage.audits.decays import OwnDecay
from shrinkage.pytorch.optimizers.motion import Group, Metric


@dataclass(frozen=True)
class OptimizerFacts:
    """What is known of a class of optimizers; the defaults know nothing.

    Args:
        metric: reads how it has moved; None where that is no diagonal, or is not known.
        no_metric: why there is no metric, as half a sentence about the optimizer.
        own_decay: how its `weight_decay` enters where a group does not say otherwise.
        adapts: whether it divides a gradient by the size of gradients, so that a penalty in the
            gradient is divided by it too.
        refuses: update → why it cannot be right, as half a sentence.
        instead: what to do where something is refused.
        sharding: why it cannot train a parameter that lies in shards; empty where it can.

    >>> OptimizerFacts(no_metric="moves by signs").refusal("proximal")
    'it moves by signs'
    """

    metric: Metric | None = None
    no_metric: str = ""
    own_decay: OwnDecay = OwnDecay.UNKNOWN
    adapts: bool = False
    refuses: Mapping[str, str] = field(default_factory=dict)
    instead: str = "use update='decoupled', 'gradient' or 'loss'"
    sharding: str = ""

    def refusal(self, update: str) -> str:
        """Return why an update cannot be right, empty where it can."""
        if update in self.refuses:
            return self.refuses[update]
        if update != "proximal" or self.metric is not None:
            return ""
        return f"it {self.no_metric}" if self.no_metric else "its metric is not known"

    def decay_in(self, group: Group) -> OwnDecay:
        """Return how the decay of a parameter group enters; torch's newer ones have a switch."""
        if self.own_decay is OwnDecay.COUPLED and group.get("decoupled_weight_decay"):
            return OwnDecay.DECOUPLED
        return self.own_decay


UNKNOWN = OptimizerFacts()
