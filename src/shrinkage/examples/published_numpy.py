"""The network of the text on weight decay, as published: the decay is in the printed loss only.

Who uses this: `numpy_weight_decay`. Sizes 784-200-200-10, weights 0.01·N(0, 1), SGD with learning
rate 0.001, batches of 100 drawn with replacement, seed 8. Two things are kept as they are: λW is
not in the gradients, and the softmax's error is not divided by the rows of the batch.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from shrinkage import scratch
from shrinkage.terms import Term

RATE, BATCH, SEED = 0.001, 100, 8
DECAYS = (0.0, 0.001, 1.0)


class Published:
    """The network; `printed` is the last loss that it printed, `steps` how many it took.

    >>> one, other = Published(4, decay=0.0), Published(4, decay=1.0)
    >>> x, y = np.ones((100, 4)), np.zeros(100, dtype=int)
    >>> one.train(x, y, 3), other.train(x, y, 3)
    (None, None)
    >>> one.printed < other.printed, one.weights_equal(other)
    (True, True)
    """

    def __init__(self, inputs: int, decay: float) -> None:
        self.decay, self.random = decay, np.random.default_rng(SEED)
        self.parameters: dict[str, np.ndarray] = {}
        self.printed, self.steps = float("nan"), 0
        for number, sizes in enumerate(itertools.pairwise((inputs, 200, 200, 10)), 1):
            self.parameters[f"W{number}"] = 0.01 * self.random.normal(size=sizes)
            self.parameters[f"b{number}"] = np.zeros(sizes[1])

    def train(self, x: np.ndarray, y: np.ndarray, steps: int) -> None:
        """Take so many steps on rows drawn with replacement."""
        for _ in range(steps):
            rows = self.random.integers(0, len(x), BATCH)
            self.step(x[rows], y[rows])

    def step(self, x: np.ndarray, y: np.ndarray) -> None:
        """Take one step on a batch."""
        w = self.parameters
        seen = [x]
        for number in (1, 2):
            seen.append(np.maximum(seen[-1] @ w[f"W{number}"] + w[f"b{number}"], 0))
        outputs = seen[-1] @ w["W3"] + w["b3"]
        shares = np.exp(outputs - outputs.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        places = np.arange(len(y))
        squares = sum((w[f"W{number}"] ** 2).sum() for number in (1, 2, 3))
        self.printed = float(-np.log(shares[places, y]).mean() + 0.5 * self.decay * squares)
        self.steps += 1
        shares[places, y] -= 1
        self._back(seen, shares)

    def _back(self, seen: list[np.ndarray], error: np.ndarray) -> None:
        slopes = {}
        for number in (3, 2, 1):
            slopes[f"W{number}"] = seen[number - 1].T @ error
            slopes[f"b{number}"] = error.sum(0)
            error = error @ self.parameters[f"W{number}"].T * (seen[number - 1] > 0)
        for name, slope in slopes.items():
            self.parameters[name] -= RATE * slope

    def weights_equal(self, other: Published) -> bool:
        """Return whether all parameters are those of another, bit for bit."""
        return all(np.array_equal(w, other.parameters[name]) for name, w in self.parameters.items())


def scratch_step(x: np.ndarray, y: np.ndarray, term: Term) -> Callable[[float], tuple]:
    """Return, for the audit, a step of the same network in `shrinkage.scratch` with a term."""

    def step(scale: float) -> tuple:
        layers = [scratch.Affine(x.shape[1], 200), scratch.ReLU()]
        layers += [scratch.Affine(200, 200), scratch.ReLU(), scratch.Affine(200, 10)]
        network = scratch.Network(layers, seed=SEED)
        before = {name: w.copy() for name, w in network.parameters.items()}
        terms = scale * term.strength * term.penalty
        scratch.Trainer(network, scratch.SGD(RATE * BATCH), terms).step(x, y)
        return before, network.parameters

    return step
