"""Linear layers: one batched product for all models."""

from __future__ import annotations

import torch
from torch import nn

from shrinkage.paths.engines.layers.base import LayerArrays, StackedLayer


def _linear(layer: nn.Linear, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
    del layer
    if arrays.bias is None:
        return torch.bmm(arrays.parameter("weight"), hidden)
    return torch.baddbmm(arrays.bias, arrays.parameter("weight"), hidden)


LINEAR = StackedLayer((nn.Linear,), _linear)
