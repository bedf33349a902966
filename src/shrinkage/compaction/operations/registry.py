"""Which function an operation of `torch.ops.aten` has, by its name there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from shrinkage.compaction.entries import words
from shrinkage.compaction.operations.creating import ALIKE, CREATED, alike, created, expanded
from shrinkage.compaction.operations.einsum import einsum
from shrinkage.compaction.operations.entrywise import (
    KEEPS,
    REDUCTIONS,
    SPATIAL,
    gated,
    padded,
    pointwise,
    reduction,
    spatial,
)
from shrinkage.compaction.operations.mixing import mixed
from shrinkage.compaction.operations.moves import MOVES, moved
from shrinkage.compaction.operations.norms import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    prelu,
)
from shrinkage.compaction.operations.products import attention, baddbmm, matmul, softmax
from shrinkage.compaction.operations.recurrent import GATES, cell, recurrent
from shrinkage.compaction.operations.weighted import (
    addmm,
    conv,
    conv_transpose,
    embedding,
    linear,
)

MAY_BE_WEIGHTS = words(
    "linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d embedding "
    "batch_norm instance_norm layer_norm group_norm matmul mm bmm addmm baddbmm prelu einsum"
) | {own + end for own in GATES for end in ("", "_cell")}
"""Operations that look at weights as such; others get their entries."""

OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "linear": linear,
    "addmm": addmm,
    "baddbmm": baddbmm,
    "mm": matmul,
    "bmm": matmul,
    "matmul": matmul,
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), conv),
    **dict.fromkeys(words("conv_transpose1d conv_transpose2d conv_transpose3d"), conv_transpose),
    "embedding": embedding,
    "batch_norm": batch_norm,
    "instance_norm": instance_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "prelu": prelu,
    "einsum": einsum,
    "softmax": softmax,
    "log_softmax": softmax,
    "_softmax": softmax,
    "scaled_dot_product_attention": attention,
    **dict.fromkeys(GATES, recurrent),
    **{f"{name}_cell": cell for name in GATES},
    "glu": gated,
    **dict.fromkeys(("pad", "constant_pad_nd"), padded),
    **dict.fromkeys(KEEPS, pointwise),
    **dict.fromkeys(SPATIAL, spatial),
    **dict.fromkeys(REDUCTIONS, reduction),
    **dict.fromkeys(MOVES, moved),
    **dict.fromkeys(("expand", "expand_as"), expanded),
    **dict.fromkeys(CREATED, created),
    **dict.fromkeys(ALIKE, alike),
}
"""What an operation does."""

EACH = (spatial, reduction)
"""Functions that hold for each of several tensors that an operation returns (values and places)."""


SEVERAL = (recurrent, cell)
"""Functions that return the flows and units of all tensors; None where they do not follow them."""


def operation_of(target: Any, name: str) -> Callable[[Any, Any], Any]:
    """Return what an operation does to flows and units."""
    own = OPERATIONS.get(name)
    if own is None and torch.Tag.pointwise in getattr(target, "tags", ()):
        return pointwise
    return own or mixed
