"""Where the weights start: random, of a size that keeps signals alive through many layers.

Who uses this: `Affine`. A sum over n inputs has n times the variance of one of them, so weights
have to be smaller the more inputs there are, or the outputs explode from layer to layer.
"""

from __future__ import annotations

import math

import numpy as np


def he(generator: np.random.Generator, outputs: int, inputs: int) -> np.ndarray:
    """Return weights from N(0, 2 / inputs): ReLU passes half of them on, the 2 makes up for it.

    >>> he(np.random.default_rng(0), 100, 50).std().round(2)
    np.float64(0.2)

    Source: He, Zhang, Ren and Sun, Delving deep into rectifiers, ICCV 2015.
    """
    return generator.normal(0.0, math.sqrt(2 / inputs), (outputs, inputs))


def xavier(generator: np.random.Generator, outputs: int, inputs: int) -> np.ndarray:
    """Return weights from N(0, 2 / (inputs + outputs)), for tanh and sigmoid.

    >>> xavier(np.random.default_rng(0), 100, 50).std().round(2)
    np.float64(0.11)

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural
    networks, AISTATS 2010.
    """
    return generator.normal(0.0, math.sqrt(2 / (inputs + outputs)), (outputs, inputs))
