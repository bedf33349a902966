"""Checks of a training step: does the penalty arrive, once, on the intended parameters?

Who uses this: people (`shrinkage.audit`), `shrinkage.pytorch.audit`, the command line. The rest of
the library says what a penalty should do; this package looks at what a step did, and trusts
nothing that the step says of itself. One registry of rules (`RULES`); a finding has one of them.
"""

from __future__ import annotations

from shrinkage.audits.decays import MeasuredDecay, OwnDecay, own_decay
from shrinkage.audits.findings import Finding, Report, Seen
from shrinkage.audits.neutral import audit
from shrinkage.audits.rules import RULES, Rule

__all__ = [
    "RULES",
    "Finding",
    "MeasuredDecay",
    "OwnDecay",
    "Report",
    "Rule",
    "Seen",
    "audit",
    "own_decay",
]
