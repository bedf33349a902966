"""Conventions of libraries that do not install beside the others.

They are checked by their published formula; of adelie and glmnet by weights, too, that the library
itself found and that the tests keep.
"""

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
_RECORDED = "weights that {} found, and its published formula"
_MIXED_PENALTY = "(l1_ratio·Σ|w| + (1 − l1_ratio)·½Σw²)"


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


def _adelie(
    name: str, meaning: str, penalises: Penalises, more: str, usual_l1_ratio: float | None = None
) -> Convention:
    return Convention(
        name=f"adelie.grpnet.{name}",
        meaning=meaning,
        penalises=penalises,
        mechanism=Mechanism.OBJECTIVE,
        trainer=TrainedBy.FITTED,
        data_loss=DataLoss.FAMILY,
        usual_l1_ratio=usual_l1_ratio,
        valid_when="the intercept is not penalised, adelie's weights of the rows are 1/n, as by "
        f"default, it has one output, and columns are as they are: it standardizes none; {more}",
        checked_by=_RECORDED.format("adelie 1.1.52"),
        source="Yang and Hastie, adelie, user guide of grpnet and of glm",
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
        meaning=f"mean ½(y − f)² + value·{_MIXED_PENALTY}, l1_ratio = alpha",
        penalises=Penalises.MIXED,
        mechanism=Mechanism.OBJECTIVE,
        trainer=TrainedBy.FITTED,
        data_loss=DataLoss.FAMILY,
        valid_when="glmnet runs with standardize=FALSE or on columns of variance 1 (divisor n): as "
        "it standardizes by default, the L1 of a weight is its column's deviation times as strong "
        "and its L2 the variance times, and for the gaussian family with an L2 part y has variance "
        "1, to which glmnet scales it (else its L2 part is lambda / sd(y)); its alpha is l1_ratio",
        checked_by=_RECORDED.format("python-glmnet 2.6.1"),
        source="Friedman, Hastie and Tibshirani, Regularization paths, JSS 33 (2010); its vignette",
    ),
    _adelie(
        "lmda",
        f"mean data loss + value·{_MIXED_PENALTY}, l1_ratio = alpha",
        Penalises.MIXED,
        "each column is a group of its own, as by default; adelie's alpha is l1_ratio",
        usual_l1_ratio=1.0,
    ),
    _adelie(
        "groups.lmda",
        "mean data loss + value·Σ√|g|·‖w_g‖",
        Penalises.GROUPS,
        "alpha is 1 and penalty √|g|, both by default",
    ),
)
