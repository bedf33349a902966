"""Dropout: random numbers of a batch are left out, so that none is relied on.

Who uses this: networks, as the usual other regularizer beside penalties.
"""

from __future__ import annotations

import numpy as np

from shrinkage.checks import number
from shrinkage.scratch.layers import Layer, Random


class Dropout(Layer):
    """While learning, each number is 0 with probability `share`, and the others / (1 − share).

    >>> Dropout(0.5).forward(np.ones((1, 6)), np.random.default_rng(0))
    array([[2., 0., 0., 0., 2., 2.]])
    >>> Dropout(0.5).forward(np.ones((1, 3)))
    array([[1., 1., 1.]])

    Source: Srivastava et al., Dropout, JMLR 15 (2014).
    """

    def __init__(self, share: float = 0.5) -> None:
        super().__init__()
        self.share = number(share, "the share that dropout sets to 0", below=1)

    def __repr__(self) -> str:
        return f"Dropout({self.share:g})"

    def forward(self, x: np.ndarray, training: Random | None = None) -> np.ndarray:
        """Return x times the mask; x itself when predicting."""
        self._mask = np.ones_like(x)
        if training is not None:
            self._mask = (training.random(x.shape) >= self.share) / (1 - self.share)
        return x * self._mask

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """Return the gradient times the mask."""
        return gradient * self._mask
