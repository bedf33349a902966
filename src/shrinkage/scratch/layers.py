"""Layers: each is a function of a batch, and the way back through it.

Who uses this: `Network`, which chains them. `forward` takes a batch (rows, inputs) to the outputs
and remembers what `backward` needs; `backward` takes ∂loss/∂output to ∂loss/∂input by the chain
rule, and leaves ∂loss/∂parameter in `gradients`. `training` says whether the network learns: it is
then a generator of random numbers, from which dropout draws, and None while the network predicts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from shrinkage.checks import whole
from shrinkage.parameters import ParameterInfo
from shrinkage.scratch.checks import expect
from shrinkage.scratch.initialisation import he
from shrinkage.scratch.parameters import Unstarted
from shrinkage.scratch.saving import lasting
from shrinkage.scratch.shapes import initial

Random = np.random.Generator


class Layer(ABC):
    """One layer; `inputs` and `outputs` are its numbers of columns, None where any will do.

    A layer of your own has `forward(self, x, training=None)` and `backward(self, gradient)`. If it
    has parameters, `start` puts float64 arrays into `parameters`, and `backward` one of the same
    shape and name into `gradients`. Terms are by default on a parameter that is named "weight" and
    has two axes or more; "bias" is a bias, and everything else has to be selected, with
    `everything()` or a pattern such as "1.scale". What `forward` keeps in an attribute that `start`
    left None or unset is neither copied nor saved.
    """

    inputs: int | None = None
    outputs: int | None = None

    def __init__(self) -> None:
        self.parameters: dict[str, np.ndarray] = Unstarted()
        self.gradients: dict[str, np.ndarray] = {}

    def __getstate__(self) -> dict[str, Any]:
        return lasting(self)

    def __repr__(self) -> str:
        sizes = "" if self.inputs is None else f"{self.inputs}, {self.outputs}"
        return f"{type(self).__name__}({sizes})"

    def start(self, generator: Random) -> None:  # noqa: B027
        """Draw the parameters; a layer without any does nothing."""

    def info(self, parameter: str, name: str) -> ParameterInfo:
        """Return what terms need to know of a parameter, under its full name."""
        shape = self.parameters[parameter].shape
        known = parameter == "bias" or (parameter == "weight" and len(shape) > 1)
        return ParameterInfo(name, shape, parameter if known else "other")

    @abstractmethod
    def forward(self, x: np.ndarray, training: Random | None = None) -> np.ndarray:
        """Return the outputs of a batch."""

    @abstractmethod
    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """Return ∂loss/∂x of the last batch from its ∂loss/∂output."""


class Affine(Layer):
    """y = x Wᵀ + b, with W of shape (outputs, inputs) as in PyTorch.

    Args:
        inputs: columns of x.
        outputs: columns of y.
        initialisation: `function(generator, outputs, inputs)` that draws W; b starts at 0.
        bias: whether there is a b; before `BatchNorm` it would have no effect.

    >>> layer = Affine(2, 1, lambda generator, outputs, inputs: np.array([[3.0, 4.0]]))
    >>> layer.start(np.random.default_rng(0))
    >>> layer.forward(np.array([[1.0, 10.0]])), layer.backward(np.array([[1.0]]))
    (array([[43.]]), array([[3., 4.]]))
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        initialisation: Callable[[Random, int, int], np.ndarray] = he,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.inputs, self.outputs = whole(inputs, "inputs"), whole(outputs, "outputs")
        self._shape = (self.outputs, self.inputs)
        self._has_bias = bias
        self._initialisation = expect(initialisation, Callable, "a function that draws W", "he")

    def start(self, generator: Random) -> None:
        """Draw W, and set b to 0."""
        weight = self._initialisation(generator, *self._shape)
        self.parameters = {"weight": initial(weight, self._shape)}
        if self._has_bias:
            self.parameters["bias"] = np.zeros(self._shape[0])

    def info(self, parameter: str, name: str) -> ParameterInfo:
        """Return that W is a weight, its inputs along axis 1, and that b is a bias."""
        shape = self.parameters[parameter].shape
        if parameter == "bias":
            return ParameterInfo(name, shape, "bias", "linear")
        return ParameterInfo(name, shape, "weight", "linear", input_axis=1, output_axis=0)

    def forward(self, x: np.ndarray, training: Random | None = None) -> np.ndarray:  # noqa: ARG002
        """Return x Wᵀ + b."""
        self._x = x
        return x @ self.parameters["weight"].T + self.parameters.get("bias", 0.0)

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """Return gradient · W; the slopes are gradientᵀ · x for W and the sum of rows for b."""
        self.gradients = {"weight": gradient.T @ self._x, "bias": gradient.sum(axis=0)}
        return gradient @ self.parameters["weight"]
