"""What is known of optimizers: one record of facts for every class, one file a family.

Who uses this: the proximal update, which needs the metric in which an optimizer moves (one that
moves by −D·gradient, D diagonal, solves the penalised problem when the prox that follows is taken
in the same D); the attachment, which refuses what cannot be right; and the audit, which has to
know how an optimizer's own decay enters.
"""

from __future__ import annotations

from shrinkage.pytorch.optimizers.base import UNKNOWN, OptimizerFacts, OwnDecay
from shrinkage.pytorch.optimizers.motion import TINY, Group, Metric, Moment, Motion
from shrinkage.pytorch.optimizers.registry import FACTS, METRICS, facts_of, metric_of

__all__ = [
    "FACTS",
    "METRICS",
    "TINY",
    "UNKNOWN",
    "Group",
    "Metric",
    "Moment",
    "Motion",
    "OptimizerFacts",
    "OwnDecay",
    "facts_of",
    "metric_of",
]
