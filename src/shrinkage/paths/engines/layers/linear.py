"""Linear layers: one batched product for all models, and one wide product for the first layer.

Activations are (models, features, rows), so the first layer of all models, which all see the same
rows, is one matrix product (models·width × inputs) · (inputs × rows) without a copy.
"""

from __future__ import annotations

import torch
from torch import nn

from shrinkage.paths.engines.layers.base import Buffers, LayerArrays, Place, StackedLayer


def _linear(layer: nn.Linear, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
    del layer
    weight, bias = arrays.parameter("weight"), arrays.bias
    return torch.bmm(weight, hidden) if bias is None else torch.baddbmm(bias, weight, hidden)


class Affine:
    """A linear layer behind others."""

    changeable = True

    def __init__(self, layer: nn.Linear, arrays: LayerArrays, place: Place) -> None:
        del layer
        self._weight, self._slope = arrays.parameter("weight"), arrays.gradient("weight")
        self._bias = arrays.bias
        self._bias_slope = None if self._bias is None else arrays.gradient("bias")
        self._place, self._buffers = place, Buffers()

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return weight · hidden + bias."""
        self._input = hidden
        shape = (*self._weight.shape[:2], hidden.shape[-1])
        out = self._buffers.take("out", shape, self._weight)
        if self._bias is None:
            return torch.bmm(self._weight, hidden, out=out)
        return torch.baddbmm(self._bias, self._weight, hidden, out=out)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor | None:
        """Return weightᵀ · gradient; the weight's is gradient · hiddenᵀ."""
        torch.bmm(gradient, self._input.transpose(1, 2), out=self._slope)
        if self._bias_slope is not None:
            torch.sum(gradient, -1, out=self._bias_slope)
        if not self._place.wants_input:
            return None
        inner = self._buffers.take("inner", self._input.shape, self._weight)
        return torch.bmm(self._weight.transpose(1, 2), gradient, out=inner)


class FirstAffine:
    """The linear layer that reads the rows, (rows, inputs), the same of all models."""

    changeable = True

    def __init__(self, arrays: LayerArrays) -> None:
        weight = arrays.parameter("weight")
        self._models, self._outputs, inputs = weight.shape
        self._weight = weight.detach().view(-1, inputs)
        self._slope = arrays.gradient("weight").view(-1, inputs)
        self._bias = arrays.bias
        self._bias_slope = None if self._bias is None else arrays.gradient("bias")
        self._buffers = Buffers()

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return weight · rowsᵀ + bias, (models, outputs, rows)."""
        self._rows = hidden
        out = self._buffers.take("out", (len(self._weight), len(hidden)), self._weight)
        stacked = torch.mm(self._weight, hidden.t(), out=out).view(self._models, self._outputs, -1)
        return stacked if self._bias is None else stacked.add_(self._bias)

    def backward(self, gradient: torch.Tensor) -> None:
        """Fill the gradients: that of the weights is gradient · rows."""
        torch.mm(gradient.reshape(len(self._weight), -1), self._rows, out=self._slope)
        if self._bias_slope is not None:
            torch.sum(gradient, -1, out=self._bias_slope)


LINEAR = StackedLayer((nn.Linear,), _linear, training=Affine)
