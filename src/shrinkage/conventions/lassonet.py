"""The convention of LassoNet: a whole squared error, and a prox by lr · lambda_ after each step."""

from __future__ import annotations

from fractions import Fraction

from shrinkage.conventions.base import (
    VALUE,
    Convention,
    DataLoss,
    Mechanism,
    Penalises,
    TrainedBy,
)

CONVENTIONS = (
    Convention(
        name="lassonet.LassoNetRegressor.lambda_",
        meaning="mean (y − f)² + value·Σ‖θ_j‖ over inputs, θ the skip weights: of one output Σ|θ|",
        penalises=Penalises.L1,
        mechanism=Mechanism.OBJECTIVE,
        trainer=TrainedBy.FITTED,
        strength=Fraction(1, 2) * VALUE,
        data_loss=DataLoss.SQUARED,
        valid_when="its optimizer has no momentum (with momentum m, 0.9 on its path by default, "
        "the prox takes lr alone and the number acts as 1 − m of itself); it is the strength of "
        "Hierarchical(ratio=M), which with M = 0 and one output is L1",
        source="lassonet/interfaces.py, _train; lassonet/prox.py",
    ),
)
