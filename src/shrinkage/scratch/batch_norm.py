"""Batch normalization: every column of a batch gets mean 0 and variance 1.

Who uses this: networks, after an affine layer. The size of that layer's weights has then no effect
on the outputs, so a penalty on them acts on the learning rate rather than on the function.
"""

from __future__ import annotations

import numpy as np

from shrinkage.checks import fraction, positive, whole
from shrinkage.parameters import ParameterInfo
from shrinkage.scratch.checks import enough_rows
from shrinkage.scratch.layers import Layer, Random


class BatchNorm(Layer):
    """y = weight · (x − mean) / √(variance + ε) + bias, column by column.

    While learning, mean and variance are the batch's; running averages of them serve to predict.

    Args:
        units: columns of x.
        momentum: share of the batch in the running averages, from 0 to 1, as PyTorch calls it: the
            opposite of `Momentum`, where it is the share of the past.
        epsilon: what keeps a column without variance from a division by 0.

    >>> layer = BatchNorm(1)
    >>> layer.start(np.random.default_rng(0))
    >>> layer.forward(np.array([[1.0], [3.0]]), np.random.default_rng(0)).round(3)
    array([[-1.],
           [ 1.]])

    Source: Ioffe and Szegedy, Batch normalization, ICML 2015.
    """

    def __init__(self, units: int, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.inputs = self.outputs = self._units = whole(units, "units")
        self.momentum = fraction(momentum, "momentum")
        self.epsilon = positive(epsilon, "epsilon")

    def __repr__(self) -> str:
        return f"BatchNorm({self._units})"

    def start(self, generator: Random) -> None:  # noqa: ARG002
        """Start as a plain standardization."""
        self.parameters = {"weight": np.ones(self._units), "bias": np.zeros(self._units)}
        self.mean, self.variance = np.zeros(self._units), np.ones(self._units)

    def info(self, parameter: str, name: str) -> ParameterInfo:
        """Return that the scale is a norm's: no term is on it unless it asks for norms()."""
        role = "norm" if parameter == "weight" else "bias"
        return ParameterInfo(name, self.parameters[parameter].shape, role, "norm")

    def forward(self, x: np.ndarray, training: Random | None = None) -> np.ndarray:
        """Return the standardized columns, scaled and shifted."""
        weight, bias = self.parameters["weight"], self.parameters["bias"]
        mean, variance = self.mean, self.variance
        if training is not None:
            mean, variance = x.mean(axis=0), x.var(axis=0)
            self._average(mean, variance, len(x))
        self._learning = training is not None
        self._root = np.sqrt(variance + self.epsilon)
        self._standard = (x - mean) / self._root
        return weight * self._standard + bias

    def _average(self, mean: np.ndarray, variance: np.ndarray, count: int) -> None:
        enough_rows(count)
        unbiased = variance * count / (count - 1)
        self.mean = self.mean + self.momentum * (mean - self.mean)
        self.variance = self.variance + self.momentum * (unbiased - self.variance)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """Return the gradient through the standardization, mean and variance moving along."""
        standard = self._standard
        self.gradients = {
            "weight": (gradient * standard).sum(axis=0),
            "bias": gradient.sum(axis=0),
        }
        slope = gradient * self.parameters["weight"]
        if self._learning:
            slope = slope - slope.mean(axis=0) - standard * (slope * standard).mean(axis=0)
        return slope / self._root
