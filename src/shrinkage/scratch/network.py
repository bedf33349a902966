"""A network: layers in a chain, and their parameters under one set of names.

Who uses this: people, `Trainer` and `gradient_check`. Names are those of `torch.nn.Sequential`
("0.weight", "0.bias", "2.weight", …), so that selections and references carry over.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np

from shrinkage.parameters import ParameterInfo
from shrinkage.scratch.checks import expect, whole
from shrinkage.scratch.layers import Layer, Random
from shrinkage.scratch.shapes import chained, rows


class Network:
    """Layers in a chain, float64 throughout; the layers given are copied.

    Args:
        layers: at least one of them with a number of inputs.
        seed: of the random weights.

    Raises:
        InputError: no layers, or neighbours whose numbers of columns do not chain.

    >>> from shrinkage.scratch import Affine, ReLU
    >>> network = Network([Affine(4, 3), ReLU(), Affine(3, 2)])
    >>> list(network.parameters)
    ['0.weight', '0.bias', '2.weight', '2.bias']
    >>> network(np.zeros((5, 4))).shape
    (5, 2)
    """

    def __init__(self, layers: Iterable[Layer], seed: int = 0) -> None:
        self.layers: tuple[Layer, ...] = tuple(
            copy.deepcopy(expect(layer, Layer, "a layer", "Affine(784, 10)")) for layer in layers
        )
        self.inputs, self.outputs = chained(self.layers)
        generator = np.random.default_rng(whole(seed, "seed", 0))
        for layer in self.layers:
            layer.start(generator)

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """The arrays by name: `network.parameters["0.weight"][:] = …` changes the network."""
        return {
            f"{number}.{name}": array
            for number, layer in enumerate(self.layers)
            for name, array in layer.parameters.items()
        }

    @property
    def infos(self) -> tuple[ParameterInfo, ...]:
        """What terms need to know of each parameter."""
        return tuple(
            layer.info(name, f"{number}.{name}")
            for number, layer in enumerate(self.layers)
            for name in layer.parameters
        )

    @property
    def zeros(self) -> int:
        """How many weights, biases apart, are exactly zero."""
        parameters = self.parameters
        weights = [parameters[info.name] for info in self.infos if info.role == "weight"]
        return int(sum((weight == 0).sum() for weight in weights))

    def __call__(self, X: Any) -> np.ndarray:
        """Return the outputs (rows, outputs) of new data: no dropout, running averages."""
        return self.forward(rows(X, self.inputs))

    def forward(self, x: np.ndarray, training: Random | None = None) -> np.ndarray:
        """Return the outputs of a batch; `training` draws the masks of dropout."""
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, gradient: np.ndarray) -> dict[str, np.ndarray]:
        """Return ∂loss/∂parameter by name, from ∂loss/∂output of the last batch."""
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        return {
            f"{number}.{name}": slope
            for number, layer in enumerate(self.layers)
            for name, slope in layer.gradients.items()
            if name in layer.parameters
        }
