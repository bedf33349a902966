"""Batch and layer norm: statistics of each model, along its rows or its features."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from shrinkage.paths.engines.layers.base import Buffers, LayerArrays, Place, StackedLayer

ROWS, FEATURES = -1, 1  # axes of the activations, (models, features, rows)


def _batch_norm(layer: nn.BatchNorm1d, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
    if arrays.training:
        variance, mean = torch.var_mean(hidden, dim=ROWS, correction=0)
        _note_batch(layer, arrays, mean, variance, hidden.shape[ROWS])
    else:
        mean, variance = arrays.buffer("running_mean"), arrays.buffer("running_var")
    scale = arrays.parameter("weight") / torch.sqrt(variance + layer.eps)
    shift = arrays.parameter("bias")
    return (hidden - mean.unsqueeze(-1)) * scale.unsqueeze(-1) + shift.unsqueeze(-1)


@torch.no_grad()
def _note_batch(
    layer: nn.BatchNorm1d,
    arrays: LayerArrays,
    mean: torch.Tensor,
    variance: torch.Tensor,
    rows: int,
) -> None:
    """Let the statistics that are kept for evaluation follow those of a batch."""
    momentum = float(layer.momentum or 0.0)
    arrays.buffer("running_mean").lerp_(mean, momentum)
    arrays.buffer("running_var").lerp_(variance * (rows / max(1, rows - 1)), momentum)
    arrays.buffer("num_batches_tracked").add_(1)


def _layer_norm(layer: nn.LayerNorm, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
    variance, mean = torch.var_mean(hidden, dim=FEATURES, keepdim=True, correction=0)
    weight = arrays.parameter("weight").unsqueeze(-1)
    bias = arrays.parameter("bias").unsqueeze(-1)
    return (hidden - mean) / torch.sqrt(variance + layer.eps) * weight + bias


class Normalised:
    """(h − mean)/√(variance + ε)·weight + bias, the statistics along one axis.

    With n the normalised activations, d = gradient·weight and means along that axis, the gradient
    of the input is (d − mean(d) − n·mean(d·n))/√(variance + ε).
    """

    changeable = True
    axis: int

    def __init__(self, layer: Any, arrays: LayerArrays, place: Place) -> None:
        self._layer, self._arrays, self._place = layer, arrays, place
        self._weight = arrays.parameter("weight").unsqueeze(-1)
        self._bias = arrays.parameter("bias").unsqueeze(-1)
        self._buffers = Buffers()

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the activations, normalised."""
        variance, mean = torch.var_mean(hidden, dim=self.axis, correction=0, keepdim=True)
        self._note(mean, variance, hidden.shape[ROWS])
        self._root = variance.add_(self._layer.eps).rsqrt_()
        own, out = (self._buffers.take(name, hidden.shape, hidden) for name in ("own", "out"))
        self._normal = torch.sub(hidden, mean, out=own).mul_(self._root)
        return torch.mul(self._normal, self._weight, out=out).add_(self._bias)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor | None:
        """Return the gradient of the input, in place."""
        product = self._buffers.take("product", gradient.shape, gradient)
        torch.mul(gradient, self._normal, out=product)
        torch.sum(product, ROWS, out=self._arrays.gradient("weight"))
        torch.sum(gradient, ROWS, out=self._arrays.gradient("bias"))
        if not self._place.wants_input:
            return None
        along = product.mul_(self._weight).mean(self.axis, keepdim=True)
        gradient.mul_(self._weight)
        gradient.sub_(gradient.mean(self.axis, keepdim=True))
        return gradient.addcmul_(self._normal, along, value=-1).mul_(self._root)

    def _note(self, mean: torch.Tensor, variance: torch.Tensor, rows: int) -> None:
        """Keep what evaluation needs of a batch."""


class BatchNormalised(Normalised):
    """Statistics of each feature along the rows."""

    axis = ROWS

    def _note(self, mean: torch.Tensor, variance: torch.Tensor, rows: int) -> None:
        own = mean.squeeze(-1), variance.squeeze(-1)
        _note_batch(self._layer, self._arrays, *own, rows)


class LayerNormalised(Normalised):
    """Statistics of each row along its features."""

    axis = FEATURES


BATCH_NORM = StackedLayer(
    (nn.BatchNorm1d,),
    _batch_norm,
    lambda layer: layer.affine and layer.track_running_stats and layer.momentum is not None,
    BatchNormalised,
)
LAYER_NORM = StackedLayer(
    (nn.LayerNorm,),
    _layer_norm,
    lambda layer: (
        len(layer.normalized_shape) == 1 and layer.elementwise_affine and layer.bias is not None
    ),
    LayerNormalised,
)
