"""From exact zeros to a smaller network that answers the same, with the proof.

>>> import torch
>>> from torch import nn
>>> from shrinkage.compaction import compact
>>> model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
>>> _ = model[0].weight.data[3:].zero_()
>>> compact(model, torch.randn(4, 2)).module[0].out_features
3
"""

from __future__ import annotations

from shrinkage.extras import needs

with needs("paths", "torch", "safetensors"):
    from shrinkage.compaction.compacting import Compaction, LayerSizes, TakeInputs, compact
    from shrinkage.compaction.coupling import CoupledUnit, coupled_units
    from shrinkage.compaction.deciding import CollapsedNetwork
    from shrinkage.compaction.proof import Proof, Size, UnequalOutputs
    from shrinkage.compaction.rounding import Rounding
    from shrinkage.compaction.sparse_files import SparseFile, load_sparse, save_sparse
    from shrinkage.compaction.sparse_layers import (
        LayerTimes,
        SparseExecution,
        sparse_where_faster,
    )
    from shrinkage.compaction.tracing import UntraceableNetwork

__all__ = [
    "CollapsedNetwork",
    "Compaction",
    "CoupledUnit",
    "LayerSizes",
    "LayerTimes",
    "Proof",
    "Rounding",
    "Size",
    "SparseExecution",
    "SparseFile",
    "TakeInputs",
    "UnequalOutputs",
    "UntraceableNetwork",
    "compact",
    "coupled_units",
    "load_sparse",
    "save_sparse",
    "sparse_where_faster",
]
