"""A network of three layers in plain NumPy, its gradient, and one step of descent.

Who uses this: the faults and loops from scratch. Every call starts from the same weights and the
same batch, biases are not zero (or their decay would not show), and nothing is shared between
calls.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import numpy as np

Arrays = dict[str, np.ndarray]

RATE, STRENGTH = 0.05, 0.1
ROWS = 16
MATRICES = ("W1", "W2", "W3")
_SIZES = (5, 6, 4, 2)


def start(dtype: type = np.float64) -> Arrays:
    """Return the weights before training: W1, b1, …, W3, b3."""
    generator = np.random.default_rng(3)
    found: Arrays = {}
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(_SIZES), 1):
        found[f"W{layer}"] = generator.normal(0, 0.5, (inputs, outputs)).astype(dtype)
        found[f"b{layer}"] = generator.normal(0, 0.2, outputs).astype(dtype)
    return found


def batch(dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets, one row a sample."""
    generator = np.random.default_rng(4)
    x = generator.normal(size=(ROWS, _SIZES[0])).astype(dtype)
    return x, np.stack([x[:, 0], x[:, 1] * x[:, 2]], 1)


def gradients(
    weights: Mapping[str, np.ndarray], *, rows: slice = slice(None), mask: np.ndarray | None = None
) -> Arrays:
    """Return the gradient of half the mean squared error; `mask` drops units of layer 1."""
    x, y = (part[rows] for part in batch(weights["W1"].dtype.type))
    first = np.tanh(x @ weights["W1"] + weights["b1"])
    kept = first if mask is None else first * mask
    second = np.tanh(kept @ weights["W2"] + weights["b2"])
    error = (second @ weights["W3"] + weights["b3"] - y) / len(x)
    found = {"W3": second.T @ error, "b3": error.sum(0)}
    error = error @ weights["W3"].T * (1 - second**2)
    found |= {"W2": kept.T @ error, "b2": error.sum(0)}
    error = error @ weights["W2"].T
    error = (error if mask is None else error * mask) * (1 - first**2)
    found |= {"W1": x.T @ error, "b1": error.sum(0)}
    return found


def descend(weights: Mapping[str, np.ndarray], slopes: Arrays, rate: float = RATE) -> Arrays:
    """Return w − rate·gradient, new arrays of the weights' dtype."""
    return {name: w - w.dtype.type(rate) * slopes[name] for name, w in weights.items()}


def added(slopes: Arrays, extra: Mapping[str, np.ndarray], names: Iterable[str]) -> Arrays:
    """Return the gradient with something added to some of its arrays."""
    chosen = set(names)
    return {name: g + extra[name] if name in chosen else g for name, g in slopes.items()}
