"""Activations: what makes a chain of affine layers more than one affine layer.

Who uses this: networks, between their affine layers. Each works number by number, so its slope is
one number for each.
"""

from __future__ import annotations

import numpy as np

from shrinkage.scratch.layers import Layer, Random


class ReLU(Layer):
    """y = max(x, 0).

    >>> ReLU().forward(np.array([[-1.0, 2.0]]))
    array([[0., 2.]])
    """

    def forward(self, x: np.ndarray, training: Random | None = None) -> np.ndarray:  # noqa: ARG002
        """Return max(x, 0)."""
        self._passed = x > 0
        return np.maximum(x, 0.0)  # not where(x > 0): that would hide NaN

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """Return the gradient where x was positive."""
        return gradient * self._passed


class Tanh(Layer):
    """y = tanh(x), with the slope 1 − y².

    >>> Tanh().forward(np.array([[0.0]]))
    array([[0.]])
    """

    def forward(self, x: np.ndarray, training: Random | None = None) -> np.ndarray:  # noqa: ARG002
        """Return tanh(x)."""
        self._y = np.tanh(x)
        return self._y.copy()  # what is returned may be changed, what `backward` needs not

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """Return gradient · (1 − y²)."""
        return gradient * (1 - self._y**2)


class Sigmoid(Layer):
    """y = 1 / (1 + e⁻ˣ), with the slope y (1 − y).

    >>> Sigmoid().forward(np.array([[0.0, -1000.0]]))
    array([[0.5, 0. ]])
    """

    def forward(self, x: np.ndarray, training: Random | None = None) -> np.ndarray:  # noqa: ARG002
        """Return 1 / (1 + e⁻ˣ)."""
        self._y = 0.5 * (1 + np.tanh(0.5 * x))  # the same number, and e¹⁰⁰⁰ never overflows
        return self._y.copy()

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """Return gradient · y (1 − y)."""
        return gradient * self._y * (1 - self._y)
