"""Conventions of optax: decayed weights ahead of SGD, and AdamW, which multiplies by the rate."""

from __future__ import annotations

from shrinkage.conventions.base import Convention, Mechanism, Penalises, TrainedBy

CONVENTIONS = (
    Convention(
        name="optax.add_decayed_weights",
        meaning="update ← update + value·w, ahead of sgd in the chain",
        penalises=Penalises.L2,
        mechanism=Mechanism.COUPLED,
        trainer=TrainedBy.SGD,
        valid_when="add_decayed_weights stands in the chain ahead of sgd (ahead of scale_by_adam "
        "it is torch.adam.weight_decay, between that and the learning rate optax.adamw)",
        source="optax/transforms/_adding.py, add_decayed_weights",
    ),
    Convention(
        name="optax.adamw.weight_decay",
        meaning="w ← w − lr·(Adam(gradient) + value·w)",
        penalises=Penalises.L2,
        mechanism=Mechanism.DECOUPLED,
        trainer=TrainedBy.ADAM,
        valid_when="optax decays every parameter, biases too, if it has no mask",
        source="optax/_src/alias.py, adamw",
    ),
)
