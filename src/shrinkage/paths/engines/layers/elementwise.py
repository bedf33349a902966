"""Layers that know no features: activations as they are, and dropout with one mask for all."""

from __future__ import annotations

import torch
from torch import nn

from shrinkage.paths.engines.layers.base import LayerArrays, StackedLayer


def _itself(layer: nn.Module, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
    del arrays
    return layer(hidden)


def _unchanged(layer: nn.Module, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
    del layer, arrays
    return hidden


def _dropout(layer: nn.Dropout, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
    """Drop the same units of the same rows in every model.

    The mask is drawn as (rows, features): the numbers that `torch.nn.Dropout` draws for a single
    model after the same seed.
    """
    if not arrays.training:
        return hidden
    mask = hidden.new_empty(hidden.shape[2], hidden.shape[1])
    mask.bernoulli_(1.0 - layer.p, generator=arrays.generator)
    return hidden * mask.div_(1.0 - layer.p).t()


ACTIVATION = StackedLayer(
    (nn.ReLU, nn.GELU, nn.Tanh, nn.Sigmoid, nn.SiLU, nn.ELU, nn.LeakyReLU, nn.Identity), _itself
)
FLATTEN = StackedLayer((nn.Flatten,), _unchanged)  # rows are flat already
DROPOUT = StackedLayer((nn.Dropout,), _dropout)
