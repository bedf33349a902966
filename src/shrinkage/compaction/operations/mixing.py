"""Operations of which nothing is known, and what all others share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from shrinkage.compaction.entries import FLOW, Entries, mark

if TYPE_CHECKING:
    from shrinkage.compaction.analysis import Analysis
    from shrinkage.compaction.calls import Call

Known = tuple[torch.Tensor, torch.Tensor]
"""The flow and the units of what an operation returns."""


def mixed(run: Analysis, call: Call) -> Known:
    """Everything that comes out depends on everything that goes in; its units stay."""
    flow = torch.zeros((), dtype=FLOW, requires_grad=True) * 1.0
    for own in call.tensors:
        entries = run.mixes(
            call, run.entries(own), f"{call.name} reads them", fixed=True, held=True
        )
        flow = flow.to(entries.flow.device) + entries.flow.sum()
    shape = call.value.shape
    return mark(flow.expand(shape)), torch.zeros(shape, dtype=torch.long)


def channels(run: Analysis, x: Entries) -> torch.Tensor:
    """Make the entries of a channel (axis 1) one unit each, and return those."""
    others = [dim for dim in range(x.units.ndim) if dim != 1]
    return run.units.join_along(x.units, others).flatten()


def along(vector: torch.Tensor, dim: int, shape: torch.Size) -> torch.Tensor:
    """Return a vector laid along one axis of a shape."""
    sizes = [1] * len(shape)
    sizes[dim] = -1
    return vector.view(sizes).expand(shape)
