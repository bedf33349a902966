"""Regularization in PyTorch: terms on a model through the hooks of its optimizer, or its loss."""

from __future__ import annotations

from shrinkage.pytorch.attachment import Attachment, attach
from shrinkage.pytorch.loss import penalty_loss
from shrinkage.pytorch.metrics import METRICS, Metric, Motion
from shrinkage.pytorch.parameters import LAYERS, describe
from shrinkage.pytorch.regularize import regularize
from shrinkage.pytorch.updates import UPDATES

__all__ = [
    "LAYERS",
    "METRICS",
    "UPDATES",
    "Attachment",
    "Metric",
    "Motion",
    "attach",
    "describe",
    "penalty_loss",
    "regularize",
]
