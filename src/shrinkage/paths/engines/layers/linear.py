"""Linear layers: one batched product for all models, and one wide product for the first layer.

Activations are (models, features, rows), so the first layer of all models, which all see the same
rows, is one matrix product (models·width × inputs) · (inputs × rows) without a copy. With products
in bfloat16, what goes into one is rounded first, and the gradients of the weights stay as it left
them.
"""

from __future__ import annotations

import torch
from torch import nn

from shrinkage.paths.engines.layers.base import Buffers, LayerArrays, Place, StackedLayer
from shrinkage.paths.engines.precision import product


def _linear(layer: nn.Linear, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
    del layer
    weight, bias = arrays.parameter("weight"), arrays.bias
    return torch.bmm(weight, hidden) if bias is None else torch.baddbmm(bias, weight, hidden)


class _Products:
    """The arrays of a linear layer in the precision of its products."""

    changeable = True

    def __init__(self, arrays: LayerArrays) -> None:
        self._shape = arrays.parameter("weight").shape
        self._like = arrays.parameter("weight").detach()
        narrow = arrays.narrow_views("weight")
        self._narrows = narrow is not None
        self._slope, self._weight = narrow or (arrays.gradient("weight"), self._like)
        self._bias = arrays.bias
        self._bias_slope = None if self._bias is None else arrays.gradient("bias")
        self._buffers = Buffers()

    def _rounded(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        return self._buffers.narrow(name, tensor) if self._narrows else tensor

    def _product(self, name: str, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """Return a product in float32 or wider, in a buffer of that name."""
        shape = (*left.shape[:-1], right.shape[-1])
        out = self._buffers.take(name, shape, self._like)
        if not self._narrows:
            return product(left, right, out)
        return out.copy_(product(left, right, self._buffers.take(name + ", narrow", shape, left)))

    def _fill_bias(self, gradient: torch.Tensor) -> None:
        if self._bias_slope is not None:
            torch.sum(gradient, -1, out=self._bias_slope)


class Affine(_Products):
    """A linear layer behind others."""

    def __init__(self, layer: nn.Linear, arrays: LayerArrays, place: Place) -> None:
        del layer
        super().__init__(arrays)
        self._wants_input = place.wants_input

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return weight · hidden + bias."""
        self._input = self._rounded("input", hidden)
        if self._narrows or self._bias is None:
            out = self._product("out", self._weight, self._input)
            return out if self._bias is None else out.add_(self._bias)
        out = self._buffers.take("out", (*self._shape[:2], hidden.shape[-1]), hidden)
        return torch.baddbmm(self._bias, self._weight, hidden, out=out)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor | None:
        """Return weightᵀ · gradient; the weight's is gradient · hiddenᵀ."""
        self._fill_bias(gradient)
        gradient = self._rounded("gradient", gradient)
        product(gradient, self._input.transpose(1, 2), self._slope)
        if not self._wants_input:
            return None
        return self._product("inner", self._weight.transpose(1, 2), gradient)


class FirstAffine(_Products):
    """The linear layer that reads the rows, (rows, inputs), the same of all models.

    After `backward`, `pulls` has the derivatives by its outputs, (models · outputs, rows), as they
    went into the product with the rows.
    """

    pulls: torch.Tensor

    def __init__(self, arrays: LayerArrays) -> None:
        super().__init__(arrays)
        self._wide = self._weight.view(-1, self._shape[-1])
        self._wide_slope = self._slope.view(-1, self._shape[-1])

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return weight · rowsᵀ + bias, (models, outputs, rows)."""
        self._rows = self._rounded("rows", hidden)
        out = self._product("out", self._wide, self._rows.t()).view(*self._shape[:2], -1)
        return out if self._bias is None else out.add_(self._bias)

    def backward(self, gradient: torch.Tensor) -> None:
        """Fill the gradients: that of the weights is gradient · rows."""
        self._fill_bias(gradient)
        self.pulls = self._rounded("gradient", gradient.reshape(len(self._wide), -1))
        product(self.pulls, self._rows, self._wide_slope)


LINEAR = StackedLayer((nn.Linear,), _linear, training=Affine)
