"""The audit of a PyTorch loop: a copy takes three steps, and the optimizer is looked at.

Who uses this: `shrinkage.pytorch.audit`. The judgement is `shrinkage.audits`'; what is here knows
how to run a loop without touching the caller's model, and what only PyTorch can tell.
"""

from __future__ import annotations

from shrinkage.pytorch.audits.asserting import assert_penalty_arrives, assert_regularized
from shrinkage.pytorch.audits.audit import audit

__all__ = ["assert_penalty_arrives", "assert_regularized", "audit"]
