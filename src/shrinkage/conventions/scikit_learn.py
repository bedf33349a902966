"""Conventions of scikit-learn: sums and means of the data loss, alpha and C, with the samples."""

from __future__ import annotations

from typing import Any

from shrinkage.conventions.base import (
    BATCH_SIZE,
    N_SAMPLES,
    VALUE,
    Convention,
    DataLoss,
    Mechanism,
    Penalises,
    TrainedBy,
)


def _objective(name: str, meaning: str, penalises: Penalises, **facts: Any) -> Convention:
    return Convention(
        name=f"sklearn.{name}",
        meaning=meaning,
        penalises=penalises,
        mechanism=Mechanism.OBJECTIVE,
        **facts,
    )


_FITTED = {"trainer": TrainedBy.FITTED, "valid_when": "the intercept is not penalised"}
_MIXED_PENALTY = "(l1_ratio·Σ|w| + (1 − l1_ratio)·½Σw²)"

CONVENTIONS = (
    _objective(
        "Ridge.alpha",
        "Σ(y − f)² + value·Σw²",
        Penalises.L2,
        strength=VALUE / N_SAMPLES,
        data_loss=DataLoss.SQUARED,
        source="sklearn.linear_model.Ridge, user guide 1.1.2",
        **_FITTED,
    ),
    _objective(
        "Lasso.alpha",
        "mean ½(y − f)² + value·Σ|w|",
        Penalises.L1,
        data_loss=DataLoss.SQUARED,
        source="sklearn.linear_model.Lasso, user guide 1.1.3",
        **_FITTED,
    ),
    _objective(
        "ElasticNet.alpha",
        f"mean ½(y − f)² + value·{_MIXED_PENALTY}",
        Penalises.MIXED,
        data_loss=DataLoss.SQUARED,
        source="sklearn.linear_model.ElasticNet, user guide 1.1.5",
        **_FITTED,
    ),
    _objective(
        "LogisticRegression.C",
        f"value·Σ log loss + {_MIXED_PENALTY}",
        Penalises.MIXED,
        strength=1 / (VALUE * N_SAMPLES),
        data_loss=DataLoss.CLASSES,
        usual_l1_ratio=0.0,
        trainer=TrainedBy.FITTED,
        valid_when="the intercept is not penalised, and two classes have one logit (a network "
        "with two logits reaches the same classifier with twice the strength of L2)",
        source="sklearn.linear_model.LogisticRegression, user guide 1.1.11",
    ),
    _objective(
        "SGDClassifier.alpha",
        f"mean loss + value·{_MIXED_PENALTY}",
        Penalises.MIXED,
        data_loss=DataLoss.CLASSES,
        usual_l1_ratio=0.0,
        trainer=TrainedBy.SGD,
        valid_when="SGDClassifier steps after every sample, with the same loss (its own default is "
        "the hinge), and its learning_rate is not 'optimal', which depends on alpha",
        source="sklearn/linear_model/_sgd_fast.pyx.tp, _plain_sgd",
    ),
    _objective(
        "MLPClassifier.alpha",
        "mean log loss + value·½Σw² / samples of the batch",
        Penalises.L2,
        strength=VALUE / BATCH_SIZE,
        data_loss=DataLoss.CLASSES,
        trainer=TrainedBy.ANY,
        valid_when="every batch is full (the penalty of a smaller last one is larger), with "
        "solver='lbfgs' the batch is all samples, and biases are not penalised",
        source="sklearn/neural_network/_multilayer_perceptron.py, _backprop",
    ),
)
