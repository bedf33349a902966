"""Conventions of Keras 3: penalties without a half, and decoupled decay in every optimizer."""

from __future__ import annotations

from shrinkage.conventions.base import VALUE, Convention, Mechanism, Penalises, TrainedBy

_PENALTIES = "keras/src/regularizers/regularizers.py"
_OPTIMIZERS = "keras/src/optimizers/base_optimizer.py, _apply_weight_decay"


def _decay(optimizer: str, trainer: TrainedBy) -> Convention:
    step = "gradient" if trainer is TrainedBy.SGD else "Adam(gradient)"
    return Convention(
        name=f"keras.{optimizer}.weight_decay",
        meaning=f"w ← w·(1 − lr·value); w ← w − lr·{step}",
        penalises=Penalises.L2,
        mechanism=Mechanism.DECOUPLED,
        trainer=trainer,
        valid_when="Keras decays every trainable variable, biases too, but those that "
        "exclude_from_weight_decay() names",
        source=_OPTIMIZERS,
    )


def _penalty(name: str, formula: str, penalises: Penalises, factor: int = 1) -> Convention:
    return Convention(
        name=name,
        meaning=f"mean loss + {formula}",
        penalises=penalises,
        mechanism=Mechanism.OBJECTIVE,
        trainer=TrainedBy.ANY,
        strength=factor * VALUE,
        source=_PENALTIES,
    )


CONVENTIONS = (
    _penalty("keras.l1", "value·Σ|w|", Penalises.L1),
    _penalty("keras.l2", "value·Σw²", Penalises.L2, 2),
    _penalty("keras.l1_l2", "l1·Σ|w| + l2·Σw²", Penalises.PAIR),
    _decay("sgd", TrainedBy.SGD),
    _decay("adam", TrainedBy.ADAM),
    _decay("adamw", TrainedBy.ADAM),
)
