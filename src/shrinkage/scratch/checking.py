"""The gradient check: slopes by the chain rule against slopes by trying.

Who uses this: people who wrote a layer of their own, and the tests. A mistake in `backward` seldom
stops a network from learning; it only learns worse. This finds it.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from shrinkage.scratch.checks import positive, whole
from shrinkage.scratch.losses import Loss, SoftmaxCrossEntropy
from shrinkage.scratch.network import Network
from shrinkage.scratch.regularization import GivenTerms, Regularization
from shrinkage.scratch.shapes import rows


def gradient_check(
    network: Network,
    X: Any,
    y: Any,
    *,
    loss: Loss | None = None,
    terms: GivenTerms = (),
    distance: float = 1e-5,
    entries: int = 100,
    seed: int = 0,
) -> dict[str, float]:
    """Return by parameter how far `backward` is from (F(w + h) − F(w − h)) / 2h.

    Args:
        network: left as it is; checked as in training, with one mask of dropout throughout.
        X: a few rows; a ReLU with an input within `distance` of 0 has no slope to compare.
        y: their labels or targets.
        loss: `SoftmaxCrossEntropy()` unless given.
        terms: added to the loss; a weight within `distance` of a kink cannot be compared.
        distance: h.
        entries: how many numbers of each parameter to try, drawn at random.
        seed: of that draw and of dropout.

    Returns:
        The largest difference, as a share of the largest slope of the network: about 1e-9 where
        all is right.

    Raises:
        InputError: data that do not fit the network.

    >>> from shrinkage.scratch import Affine, Tanh
    >>> network = Network([Affine(3, 4), Tanh(), Affine(4, 2)])
    >>> differences = gradient_check(network, np.eye(3), np.array([0, 1, 1]))
    >>> max(differences.values()) < 1e-7
    True
    """
    loss = SoftmaxCrossEntropy() if loss is None else loss
    table = rows(X, network.inputs)
    target = loss.checked(y, len(table), network.outputs)
    positive(distance, "distance")
    network = copy.deepcopy(network)  # running averages of BatchNorm move with every pass
    penalties = Regularization(network.infos, terms, "loss")
    parameters = network.parameters

    def objective() -> tuple[float, np.ndarray]:
        outputs = network.forward(table, np.random.default_rng(seed))
        value, slope = loss(outputs, target)
        return value + penalties.value(parameters), slope

    slopes = network.backward(objective()[1])
    slopes = {name: slopes[name] + penalties.slope(name, w) for name, w in parameters.items()}
    largest = max(float(np.abs(slope).max()) for slope in slopes.values()) or 1.0
    generator = np.random.default_rng(seed)
    found = {}
    for name, w in parameters.items():
        count = min(whole(entries, "entries"), w.size)
        chosen = generator.choice(w.size, count, replace=False)
        tried = [_slope_by_trying(lambda: objective()[0], w, at, distance) for at in chosen]
        found[name] = float(np.abs(slopes[name].ravel()[chosen] - tried).max()) / largest
    return found


def _slope_by_trying(value: Any, w: np.ndarray, at: int, distance: float) -> float:
    """Return the slope along one entry of `w`, which is put back."""
    kept = w.flat[at]
    w.flat[at] = kept + distance
    above = value()
    w.flat[at] = kept - distance
    below = value()
    w.flat[at] = kept
    return (above - below) / (2 * distance)
