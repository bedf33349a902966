"""Conventions of skglm: scikit-learn's objectives, and penalties beside a mean data loss.

Its `GeneralizedLinearEstimator` puts a data loss and a penalty together, which are named by the
penalty: `Quadratic` has half of the mean squared error, `Logistic` the mean log loss.
"""

from __future__ import annotations

from typing import Any

from shrinkage.conventions.base import (
    EPSILON,
    VALUE,
    Convention,
    DataLoss,
    Mechanism,
    Penalises,
    TrainedBy,
)
from shrinkage.conventions.expressions import root

_MIXED_PENALTY = "(l1_ratio·Σ|w| + (1 − l1_ratio)·½Σw²)"


_INTERCEPT = "the intercept is not penalised"
_GROUPS = "its weights of the groups are 1, as by default (with √|g| it is the strength itself)"
_GAMMA = "gamma is the same on both sides"


def _fitted(name: str, meaning: str, penalises: Penalises, *more: str, **facts: Any) -> Convention:
    return Convention(
        name=f"skglm.{name}.alpha",
        meaning=meaning,
        penalises=penalises,
        mechanism=Mechanism.OBJECTIVE,
        trainer=TrainedBy.FITTED,
        valid_when="; ".join((_INTERCEPT, *more)),
        **facts,
    )


def _estimator(name: str, meaning: str, penalises: Penalises, *more: str, **facts: Any):
    source = f"skglm/estimators.py, {name}"
    return _fitted(name, meaning, penalises, *more, source=source, **facts)


def _penalty(name: str, meaning: str, penalises: Penalises, *more: str, **facts: Any):
    source = f"skglm/penalties, {name}; skglm/datafits/single_task.py"
    return _fitted(
        f"penalties.{name}",
        f"mean data loss + {meaning}",
        penalises,
        *more,
        source=source,
        data_loss=DataLoss.FAMILY,
        **facts,
    )


_MCP = "Σ(value·|w| − w²/(2·gamma)), level from gamma·value on"

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
    _estimator(
        "GroupLasso",
        "mean ½(y − f)² + value·Σ‖w_g‖",
        Penalises.GROUPS,
        _GROUPS,
        strength=VALUE / root("group_size"),
        data_loss=DataLoss.SQUARED,
    ),
    _estimator(
        "MCPRegression",
        f"mean ½(y − f)² + {_MCP}",
        Penalises.MCP,
        _GAMMA,
        data_loss=DataLoss.SQUARED,
    ),
    _penalty(
        "WeightedGroupL2",
        "value·Σ‖w_g‖",
        Penalises.GROUPS,
        _GROUPS,
        strength=VALUE / root("group_size"),
    ),
    _penalty("MCPenalty", _MCP, Penalises.MCP, _GAMMA),
    _penalty(
        "SCAD",
        "value·Σ|w|, bent from value on, level from gamma·value on",
        Penalises.SCAD,
        _GAMMA,
    ),
    _penalty(
        "LogSumPenalty",
        "value·Σ log(1 + |w|/eps)",
        Penalises.LOG_SUM,
        "epsilon is its eps",
        strength=VALUE / EPSILON,
    ),
    _penalty("L0_5", "value·Σ√|w|", Penalises.L_HALF),
)
