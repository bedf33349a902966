"""Conventions checked by their published formula: their libraries do not install beside others."""

from __future__ import annotations

from shrinkage.conventions.base import (
    LEARNING_RATE,
    VALUE,
    Convention,
    DataLoss,
    Mechanism,
    Penalises,
    TrainedBy,
)

PUBLISHED = "its published formula"


def _fastai(name: str, step: str, trainer: TrainedBy) -> Convention:
    return Convention(
        name=name,
        meaning=f"w ← w·(1 − lr·value); w ← w − lr·{step}",
        penalises=Penalises.L2,
        mechanism=Mechanism.DECOUPLED,
        trainer=trainer,
        valid_when="decouple_wd=True, fastai's default (with False it is L2 by the gradient); "
        "fastai's Learner leaves out biases and normalizations (wd_bn_bias=False), while its "
        "optimizers on their own decay every parameter",
        checked_by=PUBLISHED,
        source="fastai/optimizer.py, weight_decay and Optimizer; fastai/learner.py, create_opt",
    )


CONVENTIONS = (
    Convention(
        name="tfa.adamw.weight_decay",
        meaning="w ← w·(1 − value); w ← w − lr·Adam(gradient)",
        penalises=Penalises.L2,
        mechanism=Mechanism.DECOUPLED,
        trainer=TrainedBy.ADAM,
        strength=VALUE / LEARNING_RATE,
        valid_when="the learning rate is constant, or a schedule of it is applied to TensorFlow "
        "Addons' weight_decay as well",
        checked_by=PUBLISHED,
        source="tensorflow_addons/optimizers/weight_decay_optimizers.py",
    ),
    _fastai("fastai.wd", "Adam(gradient)", TrainedBy.ADAM),
    _fastai("fastai.sgd.wd", "gradient", TrainedBy.SGD),
    Convention(
        name="glmnet.lambda",
        meaning="mean ½(y − f)² + value·(l1_ratio·Σ|w| + (1 − l1_ratio)·½Σw²), l1_ratio = alpha",
        penalises=Penalises.MIXED,
        mechanism=Mechanism.OBJECTIVE,
        trainer=TrainedBy.FITTED,
        data_loss=DataLoss.FAMILY,
        valid_when="glmnet runs with standardize=FALSE or on columns of variance 1 (divisor n), "
        "and for the gaussian family with an L2 part y has variance 1, to which glmnet scales it "
        "(else its L2 part is lambda / sd(y)); glmnet's alpha is l1_ratio",
        checked_by=PUBLISHED,
        source="Friedman, Hastie and Tibshirani, Regularization paths, JSS 33 (2010); its vignette",
    ),
)
