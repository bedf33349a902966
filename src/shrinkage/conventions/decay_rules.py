"""Conventions of timm, and of decay that is not lr · value: corrected, independent, cautious.

They are checked by their formulas, written out in the tests: timm (read at 1.0.31), Composer and
the code of the papers are not among the libraries that the tests install.
"""

from __future__ import annotations

from shrinkage.conventions.base import (
    DECAYED_SHARE,
    LEARNING_RATE,
    MAX_LEARNING_RATE,
    VALUE,
    Convention,
    Mechanism,
    Penalises,
    TrainedBy,
)
from shrinkage.conventions.expressions import Product
from shrinkage.conventions.published import PUBLISHED

_TIMM_GROUPS = (
    "timm's create_optimizer_v2 leaves out arrays of one axis, biases and what the model's "
    "no_weight_decay() names (filter_bias_and_bn=True, its default), and its layer_decay "
    "multiplies a layer's rate, and so its decay"
)


def _rule(
    name: str,
    factor: str,
    strength: Product,
    valid_when: str,
    source: str,
    mechanism: Mechanism = Mechanism.DECOUPLED,
    trainer: TrainedBy = TrainedBy.ADAM,
) -> Convention:
    update = "Adam(gradient)" if trainer is TrainedBy.ADAM else "update"
    return Convention(
        name=f"{name}.weight_decay",
        meaning=f"w ← w·(1 − {factor}value); w ← w − lr·{update}",
        penalises=Penalises.L2,
        mechanism=mechanism,
        trainer=trainer,
        strength=strength,
        valid_when=valid_when,
        checked_by=PUBLISHED,
        source=source,
    )


CONVENTIONS = (
    _rule(
        "timm.adamw",
        "lr·",
        VALUE,
        _TIMM_GROUPS,
        "timm/optim/adamw.py, _param_groups.py and _optim_factory.py (1.0.31)",
    ),
    _rule(
        "timm.adamc",
        "lr²/max_lr·",
        VALUE * LEARNING_RATE / MAX_LEARNING_RATE,
        "max_lr is the rate that timm's optimizer was built with, whatever the schedule reaches; "
        "corrected decay moves with lr², so that a number of another rule is right at the given "
        "learning_rate alone; timm corrects all that is decayed, the paper layers under a "
        "normalization",
        "timm/optim/adamw.py, corrected_weight_decay (1.0.31); Defazio, Why gradients rapidly "
        "increase near the end of training, arXiv 2506.02285",
    ),
    _rule(
        "independent",
        "(lr/max_lr)·",
        VALUE / MAX_LEARNING_RATE,
        "an independent decay follows the schedule, which is lr/max_lr, and not the rate itself",
        "Loshchilov and Hutter, Decoupled weight decay (2019); "
        "composer/optim/decoupled_weight_decay.py, DecoupledAdamW and DecoupledSGDW",
        trainer=TrainedBy.ANY,
    ),
    _rule(
        "pytorch_optimizer.fixed_decay",
        "",
        VALUE / LEARNING_RATE,
        "weight_decouple=True and fixed_decay=True; a fixed decay follows neither the rate nor its "
        "schedule, so that a number of another rule is right at the given learning_rate alone",
        "pytorch_optimizer/base/optimizer.py, apply_weight_decay (4.1.0)",
        trainer=TrainedBy.ANY,
    ),
    _rule(
        "cautious",
        "lr·[update·w ≥ 0]·",
        VALUE * DECAYED_SHARE,
        "",
        "Chen et al., Cautious weight decay, arXiv 2510.12402",
        Mechanism.CAUTIOUS,
        TrainedBy.ANY,
    ),
)
