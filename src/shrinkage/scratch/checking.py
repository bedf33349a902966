"""The gradient check: slopes by the chain rule against slopes by trying.

Who uses this: people who wrote a layer of their own, and the tests. A mistake in `backward` seldom
stops a network from learning; it only learns worse. This finds it.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np

from shrinkage.checks import number, whole
from shrinkage.scratch.checks import expect
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
    """Return by parameter how far `backward` is from the slope found by trying.

    That slope is (F(w + distance) − F(w − distance)) / (2 · distance), for one number at a time.

    Args:
        network: left as it is; checked as in training, with one mask of dropout throughout.
        X: a few rows; a ReLU with an input within `distance` of 0 has no slope to compare.
        y: their labels or targets.
        loss: `SoftmaxCrossEntropy()` unless given.
        terms: added to the loss; near a nonsmooth point (`distance`) nothing can be compared.
        distance: how far a weight is moved to either side, from 1e-8 to below 1.
        entries: how many numbers of each parameter to try, drawn at random.
        seed: of that draw and of dropout.

    Returns:
        The largest difference, as a share of the largest slope of the network: about 1e-9 where
        all is right, 1e-2 for a mistake, and inf for a slope that is NaN or infinite. A loss is
        rounded to ε · loss, and one below 1 to ε (2e-16), since it is a logarithm of numbers near
        1. A slope found by trying is therefore wrong by ε · loss / distance at any rate; where all
        slopes are below 10⁸ times that, 2e-3 as a rule, the share is of that instead.

    Raises:
        InputError: no network or loss of this package, data that do not fit the network.

    >>> from shrinkage.scratch import Affine, Tanh
    >>> network = Network([Affine(3, 4), Tanh(), Affine(4, 2)])
    >>> differences = gradient_check(network, np.eye(3), np.array([0, 1, 1]))
    >>> max(differences.values()) < 1e-7
    True
    """
    expect(network, Network, "a Network", "Network([Affine(2, 1)])")
    data_loss = SoftmaxCrossEntropy() if loss is None else loss
    error: Loss = expect(data_loss, Loss, "an object as loss", "SoftmaxCrossEntropy()")
    table = rows(X, network.inputs)
    target = error.checked(y, len(table), network.outputs)
    number(distance, "distance", least=1e-8, below=1)
    whole(seed, "seed", 0)
    network = copy.deepcopy(network)  # running averages of BatchNorm move with every pass
    penalties = Regularization(network.infos, terms, "loss")
    parameters = network.parameters

    def objective() -> tuple[float, np.ndarray]:
        outputs = network.forward(table, np.random.default_rng(seed))
        value, slope = error(outputs, target)
        return value + penalties.value(parameters), slope

    value, slope = objective()
    slopes = network.backward(slope)
    slopes = {name: slopes[name] + penalties.slope(name, w) for name, w in parameters.items()}
    rounding = np.finfo(float).eps * max(abs(value), 1.0) / distance
    unit = max(_largest(slopes), _COMPARABLE * rounding)
    generator = np.random.default_rng(seed)
    numeric = {}
    for name, w in parameters.items():
        count = min(whole(entries, "entries"), w.size)
        chosen = generator.choice(w.size, count, replace=False)
        tried = [_slope_by_trying(lambda: objective()[0], w, at, distance) for at in chosen]
        numeric[name] = _share(slopes[name], chosen, np.array(tried), unit)
    return numeric


_COMPARABLE = 1e8  # times its rounding: the least slope that can be compared to eight digits


def _largest(slopes: dict[str, np.ndarray]) -> float:
    """Return the largest slope of a network, those that are not finite apart."""
    finite = [np.abs(slope[np.isfinite(slope)]) for slope in slopes.values()]
    return max(float(slope.max(initial=0.0)) for slope in finite)


def _share(slope: np.ndarray, chosen: np.ndarray, tried: np.ndarray, unit: float) -> float:
    """Return the largest difference in units of `unit`, or inf where there is none."""
    if not (np.isfinite(slope).all() and np.isfinite(tried).all()):
        return math.inf  # max() of Python would pass over a NaN
    return float(np.abs(slope.ravel()[chosen] - tried).max() / unit)


def _slope_by_trying(value: Any, w: np.ndarray, at: int, distance: float) -> float:
    """Return the slope along one entry of `w`, which is put back."""
    before = w.flat[at]
    w.flat[at] = before + distance
    above = value()
    w.flat[at] = before - distance
    below = value()
    w.flat[at] = before
    return (above - below) / (2 * distance)
