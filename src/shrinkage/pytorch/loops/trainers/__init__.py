"""A framework's own training under the audit: `audit_trainer`, and one file a framework.

Who uses this: `shrinkage.pytorch.audit_trainer`. A file here has one function, `loop_of`, which
builds the optimizer as its framework does and returns a `TrainerLoop`: one real step of that
framework, on whatever model and optimizer it is handed. No file imports its framework before a
trainer of it is there.
"""

from __future__ import annotations

from shrinkage.pytorch.loops.trainers.audit_trainer import audit_trainer

__all__ = ["audit_trainer"]
