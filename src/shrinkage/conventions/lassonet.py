"""Conventions of LassoNet: whole squared errors, and a prox by lr · lambda_ after each step."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from shrinkage.conventions.base import (
    VALUE,
    Convention,
    DataLoss,
    Mechanism,
    Penalises,
    TrainedBy,
)
from shrinkage.conventions.expressions import root


def _lambda(estimator: str, meaning: str, **facts: Any) -> Convention:
    return Convention(
        name=f"lassonet.{estimator}.lambda_",
        meaning=meaning,
        penalises=Penalises.L1,
        mechanism=Mechanism.OBJECTIVE,
        trainer=TrainedBy.FITTED,
        source="lassonet/interfaces.py, _train; lassonet/prox.py",
        **facts,
    )


_MOMENTUM = (
    "its optimizer has no momentum (with momentum m, 0.9 on its path by default, the prox takes lr "
    "alone and the number acts as 1 − m of itself)"
)

CONVENTIONS = (
    _lambda(
        "LassoNetRegressor",
        "mean (y − f)² + value·Σ‖θ_j‖ over inputs, θ the skip weights: of one output Σ|θ|",
        strength=Fraction(1, 2) * VALUE,
        data_loss=DataLoss.SQUARED,
        valid_when=f"{_MOMENTUM}; it is the strength of Hierarchical(ratio=M), which with M = 0 "
        "and one output is L1",
    ),
    _lambda(
        "LassoNetClassifier",
        "mean log loss + value·Σ‖θ_j‖ over inputs, θ a skip weight for each class: of two classes "
        "Σ|w|/√2, w their difference",
        strength=VALUE / root("2"),
        data_loss=DataLoss.CLASSES,
        valid_when=f"{_MOMENTUM}; M = 0 and two classes, whose two logits are one w (the strength "
        "of Hierarchical(ratio=M) on a logit for each class is the number itself)",
    ),
)
