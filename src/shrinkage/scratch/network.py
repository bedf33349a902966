"""A network: layers in a chain, and their parameters under one set of names.

Who uses this: people, `Trainer` and `gradient_check`. Names are those of `torch.nn.Sequential`
("0.weight", "0.bias", "2.weight", …), so that selections and references carry over.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from shrinkage.checks import whole
from shrinkage.parameters import ParameterInfo
from shrinkage.scratch.layers import Layer, Random
from shrinkage.scratch.modes import check_training, check_way_back
from shrinkage.scratch.own_layers import copied, returned, settled, slopes_of
from shrinkage.scratch.parameters import Parameters
from shrinkage.scratch.shapes import chained, rows


class Network:
    """Layers in a chain, float64 throughout; the layers given are copied.

    A call predicts: `network(X)` are the outputs, and `network(X).argmax(axis=1)` the classes.

    Args:
        layers: at least one of them with a number of inputs.
        seed: of the random weights.

    Raises:
        InputError: no layers, neighbours whose numbers of columns do not chain, or a layer that
            does not do what `Layer` asks of it.

    >>> from shrinkage.scratch import Affine, ReLU
    >>> network = Network([Affine(4, 3), ReLU(), Affine(3, 2)])
    >>> network
    Network([Affine(4, 3), ReLU(), Affine(3, 2)])
    >>> list(network.parameters)
    ['0.weight', '0.bias', '2.weight', '2.bias']
    >>> network(np.zeros((5, 4))).argmax(axis=1)
    array([0, 0, 0, 0, 0])
    """

    def __init__(self, layers: Iterable[Layer], seed: int = 0) -> None:
        self.layers = copied(layers)
        self.inputs, self.outputs = chained(self.layers)
        self._last: Any = None  # shape of the last outputs, and the `training` they came with
        generator = np.random.default_rng(whole(seed, "seed", 0))
        for number, layer in enumerate(self.layers):
            layer.start(generator)
            settled(layer, number)

    def __repr__(self) -> str:
        return f"Network({list(self.layers)})"

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_last": None}

    @property
    def parameters(self) -> Parameters:
        """The arrays by name: `network.parameters["0.weight"] = …` changes the network."""
        layers = enumerate(self.layers)
        named = {f"{n}.{name}": w for n, layer in layers for name, w in layer.parameters.items()}
        return Parameters(named)

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
        return self.forward(X)

    def forward(self, x: np.ndarray, training: Random | None = None) -> np.ndarray:
        """Return the outputs of a batch.

        To learn, give `training`, a generator such as `np.random.default_rng(0)` that is made once:
        without it `Dropout` and `BatchNorm` act as they do when predicting.
        """
        x = rows(x, self.inputs)
        check_training(training)
        for layer in self.layers:
            x = returned(layer.forward(x, training), layer, "forward")
        self._last = (x.shape, training)
        return x

    def backward(self, gradient: np.ndarray) -> dict[str, np.ndarray]:
        """Return ∂loss/∂parameter by name, from ∂loss/∂output of the last batch."""
        check_way_back(self.layers, self._last, gradient)
        for layer in reversed(self.layers):
            gradient = returned(layer.backward(gradient), layer, "backward")
        return {
            f"{number}.{name}": slope
            for number, layer in enumerate(self.layers)
            for name, slope in slopes_of(layer).items()
        }
