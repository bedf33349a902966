"""Conventions of torch.optim: L2 by the gradient in SGD and Adam, decoupled decay in AdamW."""

from __future__ import annotations

from shrinkage.conventions.base import Convention, Mechanism, Penalises, TrainedBy

CONVENTIONS = (
    Convention(
        name="torch.sgd.weight_decay",
        meaning="gradient ← gradient + value·w; w ← w − lr·gradient",
        penalises=Penalises.L2,
        mechanism=Mechanism.COUPLED,
        trainer=TrainedBy.SGD,
        source="torch/optim/sgd.py, _single_tensor_sgd",
    ),
    Convention(
        name="torch.adam.weight_decay",
        meaning="gradient ← gradient + value·w; w ← w − lr·Adam(gradient)",
        penalises=Penalises.L2,
        mechanism=Mechanism.COUPLED,
        trainer=TrainedBy.ADAM,
        valid_when="Adam is built with decoupled_weight_decay=False, its default",
        source="torch/optim/adam.py, _single_tensor_adam",
    ),
    Convention(
        name="torch.adamw.weight_decay",
        meaning="w ← w·(1 − lr·value); w ← w − lr·Adam(gradient)",
        penalises=Penalises.L2,
        mechanism=Mechanism.DECOUPLED,
        trainer=TrainedBy.ADAM,
        source="torch/optim/adamw.py; Loshchilov and Hutter, Decoupled weight decay (2019)",
    ),
)
