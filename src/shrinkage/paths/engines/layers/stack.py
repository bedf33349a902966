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

from collections.abc import Callable, Sequence

import torch
from torch import nn

ELEMENTWISE = (nn.ReLU, nn.GELU, nn.Tanh, nn.Sigmoid, nn.SiLU, nn.ELU, nn.LeakyReLU, nn.Identity)
STACKABLE = (nn.Linear, nn.Dropout, nn.BatchNorm1d, nn.LayerNorm, nn.Flatten, *ELEMENTWISE)


def is_stackable(module: nn.Module) -> bool:
    """Return whether `StackedNetwork` can hold copies of this module.

    It can when the module is a `torch.nn.Sequential` of linear layers, elementwise activations,
    dropout, batch or layer norm, with no weight shared between layers.
    """
    if type(module) is not nn.Sequential:
        return False
    layers = list(module)
    known = all(type(layer) in STACKABLE for layer in layers)
    unshared = len({id(layer) for layer in layers}) == len(layers)
    trainable = all(parameter.requires_grad for parameter in module.parameters())
    return known and unshared and trainable and bool(layers) and _standard(layers)


def _standard(layers: Sequence[nn.Module]) -> bool:
    """Return whether norms keep their running statistics and normalise one axis."""
    for layer in layers:
        if isinstance(layer, nn.BatchNorm1d) and not (
            layer.affine and layer.track_running_stats and layer.momentum is not None
        ):
            return False
        if isinstance(layer, nn.LayerNorm) and (
            len(layer.normalized_shape) != 1 or not layer.elementwise_affine or layer.bias is None
        ):
            return False
    return True


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
            if position == 0 and self._shared_first:
                bias = self.parameters.get(f"{name}.bias")
                hidden = hidden if bias is None else hidden + bias.unsqueeze(-1)
            elif isinstance(layer, nn.Linear):
                hidden = self._linear(name, hidden)
            elif isinstance(layer, nn.Dropout):
                hidden = self._dropout(hidden, layer.p) if training else hidden
            elif isinstance(layer, nn.BatchNorm1d):
                hidden = self._batch_norm(name, layer, hidden, training)
            elif isinstance(layer, nn.LayerNorm):
                hidden = self._layer_norm(name, layer, hidden)
            else:
                hidden = layer(hidden)
        return hidden

    def _dropout(self, hidden: torch.Tensor, probability: float) -> torch.Tensor:
        """Drop the same units of the same rows in every model.

        The mask is drawn as (rows, features): the numbers that `torch.nn.Dropout` draws for a
        single model after the same seed.
        """
        kept = hidden.new_empty(hidden.shape[2], hidden.shape[1])
        kept.bernoulli_(1.0 - probability, generator=self._generator)
        return hidden * kept.div_(1.0 - probability).t()

    def _linear(self, name: str, hidden: torch.Tensor) -> torch.Tensor:
        weight = self.parameters[f"{name}.weight"]
        bias = self.parameters.get(f"{name}.bias")
        if bias is None:
            return torch.bmm(weight, hidden)
        return torch.baddbmm(bias.unsqueeze(-1), weight, hidden)

    def _batch_norm(
        self, name: str, layer: nn.BatchNorm1d, hidden: torch.Tensor, training: bool
    ) -> torch.Tensor:
        mean, variance = self.buffers[f"{name}.running_mean"], self.buffers[f"{name}.running_var"]
        if training:
            batch_variance, batch_mean = torch.var_mean(hidden, dim=-1, correction=0)
            rows = hidden.shape[-1]
            with torch.no_grad():
                momentum = float(layer.momentum or 0.0)
                mean.lerp_(batch_mean, momentum)
                variance.lerp_(batch_variance * (rows / max(1, rows - 1)), momentum)
                self.buffers[f"{name}.num_batches_tracked"] += 1
            mean, variance = batch_mean, batch_variance
        scale = self.parameters[f"{name}.weight"] / torch.sqrt(variance + layer.eps)
        shift = self.parameters[f"{name}.bias"]
        return (hidden - mean.unsqueeze(-1)) * scale.unsqueeze(-1) + shift.unsqueeze(-1)

    def _layer_norm(self, name: str, layer: nn.LayerNorm, hidden: torch.Tensor) -> torch.Tensor:
        variance, mean = torch.var_mean(hidden, dim=1, keepdim=True, correction=0)
        weight = self.parameters[f"{name}.weight"].unsqueeze(-1)
        bias = self.parameters[f"{name}.bias"].unsqueeze(-1)
        return (hidden - mean) / torch.sqrt(variance + layer.eps) * weight + bias


def _repeat(value: torch.Tensor, count: int) -> torch.Tensor:
    return value.detach().unsqueeze(0).repeat(count, *([1] * value.ndim))
