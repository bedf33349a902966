"""Tensors that code makes of one number, and the copies that `expand` makes of one slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from shrinkage.compaction.entries import FLOW, mark, words
from shrinkage.compaction.operations.mixing import Known, along

if TYPE_CHECKING:
    from shrinkage.compaction.analysis import Analysis
    from shrinkage.compaction.calls import Call

CREATED = words("zeros ones full new_zeros new_ones new_full")
"""Operations whose result has one number in all places, of a size that is given."""

ALIKE = words("zeros_like ones_like full_like")
"""The same, in the size of a tensor of which no value is read."""


def created(run: Analysis, call: Call) -> Known:
    """One number everywhere: the last axis with a written size can be as long as it has to be."""
    shape, sizes = call.value.shape, call.node.args[int(call.name.startswith("new_"))]
    units = torch.zeros(shape, dtype=torch.long)
    return _constant(call), _with_copies(run, call, units, _written(sizes, range(len(shape))))


def alike(run: Analysis, call: Call) -> Known:
    """One number in the places of another tensor, which it has to fit."""
    return _constant(call), run.entries(call.tensors[0]).units


def expanded(run: Analysis, call: Call) -> Known:
    """Copies of one slice: where that one stays, each copy is there for its readers alone."""
    x, sizes = run.entries(call.tensors[0]), call.node.args[1]
    if call.name == "expand_as":
        like = run.entries(call.tensors[1])
        stays = not run.units.find(x.units).any()
        return x.flow.expand_as(like.flow), like.units if stays else x.units.expand_as(like.units)
    flow, units = call.carried("flow"), call.carried("units")
    if not isinstance(sizes, (list, tuple)) or run.units.find(x.units).any():
        return flow, units
    new = len(sizes) - x.units.ndim
    copied = [dim for dim in range(len(sizes)) if dim < new or x.units.shape[dim - new] == 1]
    return flow, _with_copies(run, call, units, _written(sizes, copied))


def _constant(call: Call) -> torch.Tensor:
    flow = torch.zeros(call.value.shape, dtype=FLOW, device=call.value.device, requires_grad=True)
    return mark(flow)


def _written(sizes: Any, dims: Sequence[int]) -> list[int]:
    """Return the axes behind the batch whose size the code has as a number above 1."""
    return [dim for dim in dims if dim > 0 and isinstance(sizes[dim], int) and sizes[dim] > 1]


def _with_copies(
    run: Analysis, call: Call, units: torch.Tensor, dims: Sequence[int]
) -> torch.Tensor:
    """Give each index along the last of some axes, of those no longer input has longer, a unit."""
    for dim in reversed(dims):
        if not run.is_open(call.node, dim):
            shape = torch.Size(units.shape)
            return along(run.units.new(shape[dim]), dim, shape)
    return units
