"""Linear layers: one batched product for all models."""

from __future__ import annotations

import torch
from torch import nn

from shrinkage.paths.engines.layers.base import LayerArrays, StackedLayer


def _linear(layer: nn.Linear, arrays: LayerArrays, hidden: torch.Tensor) -> torch.Tensor:
    del layer
    weight, bias = arrays.parameter("weight"), arrays.bias
    return torch.bmm(weight, hidden) if bias is None else torch.baddbmm(bias, weight, hidden)


LINEAR = StackedLayer((nn.Linear,), _linear)
