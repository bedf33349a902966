"""Regularization in PyTorch: terms on a model through the hooks of its optimizer, or its loss."""

from __future__ import annotations

from shrinkage.extras import needs

with needs("torch"):
    from shrinkage.pytorch.attach import attach
    from shrinkage.pytorch.attachment import Attachment
    from shrinkage.pytorch.audits import assert_penalty_arrives, assert_regularized, audit
    from shrinkage.pytorch.joint import JointAttachment
    from shrinkage.pytorch.ledger import Ledger
    from shrinkage.pytorch.loops.trainers import audit_trainer
    from shrinkage.pytorch.loss import penalty_loss
    from shrinkage.pytorch.optimizers import METRICS, Metric, Motion
    from shrinkage.pytorch.parameters import LAYERS, describe
    from shrinkage.pytorch.regularize import regularize
    from shrinkage.pytorch.units import UnitShrink, shrink_units
    from shrinkage.pytorch.updates import UPDATES
    from shrinkage.pytorch.zeros import keep_zeros, lost_zeros, zero_fraction
    from shrinkage.terms.schedules import Cosine, CubicSparsity, Every, WarmUp

__all__ = [
    "LAYERS",
    "METRICS",
    "UPDATES",
    "Attachment",
    "Cosine",
    "CubicSparsity",
    "Every",
    "JointAttachment",
    "Ledger",
    "Metric",
    "Motion",
    "UnitShrink",
    "WarmUp",
    "assert_penalty_arrives",
    "assert_regularized",
    "attach",
    "audit",
    "audit_trainer",
    "describe",
    "keep_zeros",
    "lost_zeros",
    "penalty_loss",
    "regularize",
    "shrink_units",
    "zero_fraction",
]
