"""The network from scratch of a published text, with its decay where that text has it.

Who uses this: the first fault of the collection. Affine and ReLU layers under a softmax, seeded as
published, at a smaller size.
"""

from __future__ import annotations

import itertools

import numpy as np


class Affine:
    """A layer that keeps its input for the backward pass."""

    def __init__(self, weight: np.ndarray, bias: np.ndarray) -> None:
        self.weight, self.bias = weight, bias

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, error: np.ndarray) -> np.ndarray:
        self.slope, self.bias_slope = self.x.T @ error, error.sum(0)
        return error @ self.weight.T


class PublishedNetwork:
    """Affine and ReLU layers under a softmax, with ½λΣW² in the loss that is printed."""

    def __init__(self, decay: float) -> None:
        generator = np.random.default_rng(8)
        sizes = (12, 8, 8, 3)
        self.decay = decay
        self.layers = [
            Affine(0.1 * generator.normal(size=(i, o)), np.zeros(o))
            for i, o in itertools.pairwise(sizes)
        ]
        self.x = generator.normal(size=(10, 12))
        self.labels = np.eye(3)[np.arange(10) % 3]

    def loss(self) -> float:
        out = self.x
        for layer in self.layers[:-1]:
            out = np.maximum(layer.forward(out), 0.0)
        out = self.layers[-1].forward(out)
        self.shares = np.exp(out) / np.exp(out).sum(1, keepdims=True)
        entropy = -np.log((self.shares * self.labels).sum(1)).mean()
        return entropy + sum(0.5 * self.decay * (a.weight**2).sum() for a in self.layers)

    def train(self, rate: float) -> float:
        printed = self.loss()
        error = self.shares - self.labels
        for number, layer in reversed(list(enumerate(self.layers))):
            error = layer.backward(error)
            if number:
                error = error * (layer.x > 0)
        for layer in self.layers:
            layer.weight -= rate * layer.slope
            layer.bias -= rate * layer.bias_slope
        return printed

    def arrays(self) -> dict[str, np.ndarray]:
        found = {f"W{n}": a.weight.copy() for n, a in enumerate(self.layers, 1)}
        return found | {f"b{n}": a.bias.copy() for n, a in enumerate(self.layers, 1)}
