"""Conventions of skglm: scikit-learn's objectives, and the mean log loss with alpha beside it."""

from __future__ import annotations

from typing import Any

from shrinkage.conventions.base import Convention, DataLoss, Mechanism, Penalises, TrainedBy

_MIXED_PENALTY = "(l1_ratio·Σ|w| + (1 − l1_ratio)·½Σw²)"


def _estimator(name: str, meaning: str, penalises: Penalises, **facts: Any) -> Convention:
    return Convention(
        name=f"skglm.{name}.alpha",
        meaning=meaning,
        penalises=penalises,
        mechanism=Mechanism.OBJECTIVE,
        trainer=TrainedBy.FITTED,
        valid_when="the intercept is not penalised",
        source=f"skglm/estimators.py, {name}",
        **facts,
    )


CONVENTIONS = (
    _estimator("Lasso", "mean ½(y − f)² + value·Σ|w|", Penalises.L1, data_loss=DataLoss.SQUARED),
    _estimator(
        "ElasticNet",
        f"mean ½(y − f)² + value·{_MIXED_PENALTY}",
        Penalises.MIXED,
        data_loss=DataLoss.SQUARED,
    ),
    _estimator(
        "SparseLogisticRegression",
        f"mean log loss + value·{_MIXED_PENALTY}",
        Penalises.MIXED,
        data_loss=DataLoss.CLASSES,
        usual_l1_ratio=1.0,
    ),
)
