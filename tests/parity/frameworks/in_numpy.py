"""The reference: a network from scratch in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from shrinkage.scratch import Adam, Affine, Momentum, Network, Optimizer, Tanh, Trainer
from tests.parity.frameworks.problem import (
    LABELS,
    LAYERS,
    ORDER,
    SIZES,
    START,
    Weights,
    X,
    terms_of,
)
from tests.parity.frameworks.registry import BETAS, OPTIMIZERS, Setting

NAMES = {"first": "0.weight", "second": "2.weight"}


class KerasAdam(Adam):
    """Adam with Keras' epsilon: w ← w − lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε)."""

    def step(self, w: np.ndarray, gradient: np.ndarray, memory: dict[str, Any]) -> Any:
        """Move `w`; a weight's step size is lr·√(1 − β₂ᵗ) / (√v + ε)."""
        first, second = self.betas
        time = memory["time"] = memory.get("time", 0) + 1
        mean = memory["mean"] = first * memory.get("mean", 0.0) + (1 - first) * gradient
        square = memory["square"] = second * memory.get("square", 0.0) + (1 - second) * gradient**2
        size = self.learning_rate * np.sqrt(1 - second**time) / (np.sqrt(square) + self.epsilon)
        w -= size * mean / (1 - first**time)
        return size


def optimizer_of(setting: Setting) -> Optimizer:
    """Return the optimizer of `shrinkage.scratch`."""
    if setting.momentum is None:
        kind = KerasAdam if setting.place == "keras" else Adam
        return kind(setting.rate, BETAS, setting.epsilon)
    return Momentum(setting.rate, setting.momentum)


def train(optimizer: str, update: str, sum_name: str) -> Weights:
    """Return the weights of one network by the names of its layers."""
    network = Network([Affine(*SIZES[:2]), Tanh(), Affine(*SIZES[1:])])
    for place in LAYERS:
        network.parameters[NAMES[place]][:] = START[place]
    terms = terms_of(sum_name, lambda _, place: NAMES[place])
    trainer = Trainer(network, optimizer_of(OPTIMIZERS[optimizer]), terms, update)
    for batch in ORDER:
        trainer.step(X[batch], LABELS[batch])
    return {place: network.parameters[NAMES[place]] for place in LAYERS}
