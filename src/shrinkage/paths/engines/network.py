"""Many copies of one network in one set of arrays: the stacked network.

Who uses this: the stacked engine. It promises that model k of the stack computes what the
template computes with model k's weights, whatever the other models do.

Why this layout: activations are (models, features, rows), so the first layer of all models,
which all see the same rows, is one matrix product (models·width × inputs) · (inputs × rows)
without a copy, and later layers are batched products. Autograd differentiates everything but
that first product, whose gradient goes into a buffer kept from step to step: it is the largest
array, and allocating it anew each step costs as much as Adam.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from shrinkage.paths.engines.layers.base import LayerArrays
from shrinkage.paths.engines.layers.registry import LAYERS


class StackedNetwork:
    """`count` copies of a stackable template, each array with the models along its first axis.

    Args:
        template: the module whose weights every model starts with.
        count: number of models.
    """

    def __init__(self, template: nn.Sequential, count: int) -> None:
        self.count = count
        self.layers = [layer for layer in template if not isinstance(layer, nn.Flatten)]
        self.names = [
            name for name, layer in template.named_children() if not isinstance(layer, nn.Flatten)
        ]
        self.parameters = {
            name: _repeat(value, count).requires_grad_()
            for name, value in template.named_parameters()
        }
        self.buffers = {name: _repeat(value, count) for name, value in template.named_buffers()}
        self._generator = torch.Generator(next(iter(self.parameters.values())).device)
        self._shared_first = isinstance(self.layers[0], nn.Linear)
        if self._shared_first:
            first = self.parameters[f"{self.names[0]}.weight"]
            first.grad = torch.zeros_like(first)

    def seed(self, seed: int) -> None:
        """Seed the dropout masks of the next training step."""
        self._generator.manual_seed(seed)

    def forward(self, x: torch.Tensor, *, training: bool = False) -> torch.Tensor:
        """Return the outputs of all models, shape (models, outputs, rows), for rows `x`."""
        return self._after_first(self._first(x), training=training)

    def backward(
        self, x: torch.Tensor, loss: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        """Put each model's gradient into `.grad` and return each model's loss, shape (models,).

        Args:
            x: rows, shape (rows, inputs).
            loss: maps outputs (models, outputs, rows) to one loss a model.
        """
        first = self.parameters[f"{self.names[0]}.weight"] if self._shared_first else None
        for parameter in self.parameters.values():
            if parameter is not first:
                parameter.grad = None
        if first is None:
            losses = loss(self.forward(x, training=True))
            losses.sum().backward()
            return losses.detach()
        with torch.no_grad():
            products = self._first(x)
        products.requires_grad_()
        losses = loss(self._after_first(products, training=True))
        losses.sum().backward()
        assert products.grad is not None
        assert first.grad is not None
        wide = products.grad.view(-1, x.shape[0])
        torch.mm(wide, x, out=first.grad.view(wide.shape[0], x.shape[1]))
        return losses.detach()

    def state(self, model: int) -> dict[str, torch.Tensor]:
        """Return a copy of one model's parameters and buffers, as the template names them."""
        arrays = {**self.parameters, **self.buffers}
        return {name: value[model].detach().clone() for name, value in arrays.items()}

    def _first(self, x: torch.Tensor) -> torch.Tensor:
        if not self._shared_first:
            return x.t().expand(self.count, -1, -1)
        weight = self.parameters[f"{self.names[0]}.weight"]
        models, outputs, inputs = weight.shape
        return torch.mm(weight.view(models * outputs, inputs), x.t()).view(models, outputs, -1)

    def _after_first(self, hidden: torch.Tensor, *, training: bool) -> torch.Tensor:
        for position, (name, layer) in enumerate(zip(self.names, self.layers, strict=True)):
            arrays = LayerArrays(name, self.parameters, self.buffers, self._generator, training)
            if position == 0 and self._shared_first:
                bias = arrays.bias
                hidden = hidden if bias is None else hidden + bias
            else:
                hidden = LAYERS[type(layer)].apply(layer, arrays, hidden)
        return hidden


def _repeat(value: torch.Tensor, count: int) -> torch.Tensor:
    return value.detach().unsqueeze(0).repeat(count, *([1] * value.ndim))
