"""Many copies of one network in one set of arrays: the stacked network.

Who uses this: the stacked engine. It promises that model k of the stack computes what the
template computes with model k's weights, whatever the other models do.

Why this layout: activations are (models, features, rows), so the first layer of all models,
which all see the same rows, is one matrix product (models·width × inputs) · (inputs × rows)
without a copy, and later layers are batched products. Training has its own forward and backward
pass: without autograd's graph, in buffers that are kept, each gradient written to where the
optimizer reads it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from shrinkage.paths.engines import precision
from shrinkage.paths.engines.flat import FlatStack
from shrinkage.paths.engines.kernels import rows
from shrinkage.paths.engines.layers.base import LayerArrays, Place, Training
from shrinkage.paths.engines.layers.linear import FirstAffine
from shrinkage.paths.engines.layers.registry import LAYERS

LossAndGradient = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


class StackedNetwork:
    """`count` copies of a stackable template, each array with the models along its first axis.

    Args:
        template: the module whose weights every model starts with.
        count: number of models.
    """

    def __init__(self, template: nn.Sequential, count: int) -> None:
        self.layers = [layer for layer in template if not isinstance(layer, nn.Flatten)]
        self.names = [
            name for name, layer in template.named_children() if not isinstance(layer, nn.Flatten)
        ]
        self._generator = torch.Generator(next(template.parameters()).device)
        self.is_random = any(
            isinstance(own, nn.Dropout) for layer in self.layers for own in layer.modules()
        )
        self.is_explicit = all(LAYERS[type(layer)].training for layer in self.layers)
        self._shared_first = isinstance(self.layers[0], nn.Linear)
        self.take(
            FlatStack.of(
                {name: _expanded(value, count) for name, value in template.named_parameters()}
            ),
            {name: _expanded(value, count).clone() for name, value in template.named_buffers()},
        )

    def take(self, flat: FlatStack, buffers: dict[str, torch.Tensor]) -> None:
        """Work on these arrays from now on, those of some models or of some columns perhaps."""
        self.flat, self.buffers = flat, buffers
        self.parameters = flat.parameters
        self.count = len(next(iter(self.parameters.values())))
        self._training: list[Training] | None = None

    @property
    def reads_rows(self) -> bool:
        """Return whether the first layer is linear, so that one product reads the rows."""
        return self._shared_first

    def narrow_down(self) -> None:
        """Take the products of large layers in bfloat16 when training from now on."""
        weights = [
            f"{name}.weight"
            for name, layer in zip(self.names, self.layers, strict=True)
            if isinstance(layer, nn.Linear) and layer.weight.numel() >= precision.LEAST_WEIGHTS
        ]
        self.flat.narrow_down(weights)
        self._training = None

    def some(self, models: slice) -> StackedNetwork:
        """Return some of the models, in the same arrays."""
        own = copy.copy(self)
        buffers = {name: value[models] for name, value in self.buffers.items()}
        own.take(self.flat.some(models), buffers)
        return own

    def seed(self, seed: int) -> None:
        """Seed the dropout masks of the next training step."""
        self._generator.manual_seed(seed)

    def forward(self, x: torch.Tensor, *, training: bool = False) -> torch.Tensor:
        """Return the outputs of all models, shape (models, outputs, rows), for rows `x`."""
        hidden = self._first(x)
        for position, (name, layer) in enumerate(zip(self.names, self.layers, strict=True)):
            arrays = self._arrays(name, training=training)
            if position == 0 and self._shared_first:
                hidden = hidden if arrays.bias is None else hidden + arrays.bias
            else:
                hidden = LAYERS[type(layer)].apply(layer, arrays, hidden)
        return hidden

    @torch.no_grad()
    def backward(self, x: torch.Tensor, loss: LossAndGradient) -> torch.Tensor:
        """Put each model's gradient into `.grad` and return each model's loss, shape (models,).

        Args:
            x: rows, shape (rows, inputs).
            loss: maps outputs (models, outputs, rows) to one loss a model and the derivatives of
                their sum by the outputs.
        """
        if self._training is None:
            self._training = self._trained_layers()
        hidden = x if self._shared_first else x.t().expand(self.count, -1, -1)
        for layer in self._training:
            hidden = layer.forward(hidden)
        losses, gradient = loss(hidden)
        for layer in reversed(self._training):
            inner = layer.backward(gradient)
            if inner is None:
                break
            gradient = inner
        return losses

    def pulls(self) -> torch.Tensor:
        """Return the derivatives by the first layer's outputs, (models, outputs, rows).

        They are those of the last `backward`, which may use them again; the first layer is linear.
        """
        assert self._training is not None
        first = self._training[0]
        assert isinstance(first, FirstAffine)
        return first.pulls.view(self.count, -1, first.pulls.shape[-1])

    def state(self, model: int) -> dict[str, torch.Tensor]:
        """Return a copy of one model's parameters and buffers, as the template names them."""
        arrays = {**self.parameters, **self.buffers}
        return {name: value[model].detach().clone() for name, value in arrays.items()}

    def _arrays(self, name: str, *, training: bool) -> LayerArrays:
        return LayerArrays(
            name,
            self.parameters,
            self.buffers,
            self._generator,
            training,
            self.flat.narrow_views,
        )

    def _trained_layers(self) -> list[Training]:
        trained: list[Training] = []
        wants_input = False
        for name, layer in zip(self.names, self.layers, strict=True):
            arrays = self._arrays(name, training=True)
            if not trained and self._shared_first:
                trained.append(FirstAffine(arrays))
            else:
                place = Place(wants_input, bool(trained) and trained[-1].changeable)
                trained.append(LAYERS[type(layer)].trained(layer, arrays, place))
            wants_input = wants_input or bool(arrays.own)
        return trained

    def _first(self, x: torch.Tensor) -> torch.Tensor:
        if not self._shared_first:
            return x.t().expand(self.count, -1, -1)
        weight = self.parameters[f"{self.names[0]}.weight"]
        models, outputs, inputs = weight.shape
        wide = weight.view(models * outputs, inputs)
        product = rows.product(wide, x) if rows.takes(wide, x) else torch.mm(wide, x.t())
        return product.view(models, outputs, -1)


def zeros_of(network: StackedNetwork) -> np.ndarray:
    """Return how many weights of each model are zero, (models,)."""
    counts = np.zeros(network.count, np.int64)
    for values in network.parameters.values():
        flat = values.detach().flatten(1)
        counts += flat.shape[1] - torch.count_nonzero(flat, dim=1).numpy()
    return counts


def _expanded(value: torch.Tensor, count: int) -> torch.Tensor:
    return value.detach().unsqueeze(0).expand(count, *value.shape)
