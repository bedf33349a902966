"""Batch and layer norm: statistics of each model, along its rows or its features."""

from __future__ import annotations

import torch
from torch import nn

from shrinkage.paths.engines.layers.base import LayerArrays, StackedLayer


def _batch_norm(layer: nn.BatchNorm1d, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
    mean, variance = arrays.buffer("running_mean"), arrays.buffer("running_var")
    if arrays.training:
        batch_variance, batch_mean = torch.var_mean(hidden, dim=-1, correction=0)
        rows = hidden.shape[-1]
        with torch.no_grad():
            momentum = float(layer.momentum or 0.0)
            mean.lerp_(batch_mean, momentum)
            variance.lerp_(batch_variance * (rows / max(1, rows - 1)), momentum)
            arrays.buffer("num_batches_tracked").add_(1)
        mean, variance = batch_mean, batch_variance
    scale = arrays.parameter("weight") / torch.sqrt(variance + layer.eps)
    shift = arrays.parameter("bias")
    return (hidden - mean.unsqueeze(-1)) * scale.unsqueeze(-1) + shift.unsqueeze(-1)


def _layer_norm(layer: nn.LayerNorm, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
    variance, mean = torch.var_mean(hidden, dim=1, keepdim=True, correction=0)
    weight = arrays.parameter("weight").unsqueeze(-1)
    bias = arrays.parameter("bias").unsqueeze(-1)
    return (hidden - mean) / torch.sqrt(variance + layer.eps) * weight + bias


BATCH_NORM = StackedLayer(
    (nn.BatchNorm1d,),
    _batch_norm,
    lambda layer: layer.affine and layer.track_running_stats and layer.momentum is not None,
)
LAYER_NORM = StackedLayer(
    (nn.LayerNorm,),
    _layer_norm,
    lambda layer: (
        len(layer.normalized_shape) == 1 and layer.elementwise_affine and layer.bias is not None
    ),
)
