"""Weights that are read in part, turned, or with each entry changed, and are weights still."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from shrinkage.compaction.calls import copying
from shrinkage.compaction.entries import Axis, Weight, words
from shrinkage.compaction.operations.entrywise import KEEPS
from shrinkage.compaction.operations.mixing import along
from shrinkage.compaction.operations.moves import MOVES

if TYPE_CHECKING:
    from shrinkage.compaction.calls import Call

STRIDED = words(
    "t transpose permute mT numpy_T swapaxes swapdims movedim moveaxis unsqueeze squeeze slice "
    "narrow split split_with_sizes chunk expand alias detach"
)
"""Moves whose results say by their strides which axes they have."""

COPIES = words("clone contiguous to _to_copy")
"""Operations that change no number, unless its type is another."""


def views(call: Call) -> Any:
    """Return the weights that a call makes of weights alone; None where it makes others of them."""
    tensors = call.tensors
    if not tensors or not all(isinstance(own, Weight) and own.value.ndim for own in tensors):
        return None
    weights: list[Any] = list(tensors)
    if call.name in MOVES:
        return _moved(call, weights[0]) if call.arguments[0] is weights[0] else None
    pointwise = torch.Tag.pointwise in getattr(call.node.target, "tags", ())
    if not (pointwise or call.name in KEEPS) or not isinstance(call.value, torch.Tensor):
        return None
    return _combined(call, weights)


def _combined(call: Call, weights: list[Weight]) -> Weight | None:
    """Return a weight each of whose entries is computed of those of others."""
    first, *others = weights
    if any(own.value.shape != call.value.shape for own in weights):
        return None
    alike = [own for own in others if own.name == first.name]
    if any(not _same_axes(first, own) for own in alike):
        return None
    copy = call.name in COPIES and call.value.dtype == first.value.dtype
    rest = tuple(own for own in others if own.name != first.name)
    exact = first.exact and copy
    return replace(first, value=call.value, others=(*first.others, *rest), exact=exact)


def _same_axes(one: Weight, other: Weight) -> bool:
    pairs = zip(one.axes, other.axes, strict=True)
    return len(one.through) == len(other.through) == 0 and all(
        first == second if None in (first, second) else _same(first, second)
        for first, second in pairs
    )


def _same(one: Any, other: Any) -> bool:
    return one[0] == other[0] and torch.equal(one[1], other[1])


def _moved(call: Call, weight: Weight) -> Any:
    """Return the parts, or the turned weight; None where an axis is none of the parameter's."""

    def carried(tensor: torch.Tensor) -> Any:
        return copying(call.node.target)(tensor, *call.arguments[1:], **call.keywords)

    shape, single = weight.value.shape, isinstance(call.value, torch.Tensor)
    places = [carried(along(torch.arange(size), dim, shape)) for dim, size in enumerate(shape)]
    strides = None
    if call.name in STRIDED:
        steps = [1 + 2**dim for dim in range(len(shape))]
        strides = carried(torch.empty_strided(shape, steps, device="meta"))
    found = []
    for count, value in enumerate([call.value] if single else call.value):

        def one(of: Any, count: int = count) -> Any:
            return of if single or of is None else of[count]

        view = _view(call, weight, value, [one(own) for own in places], one(strides))
        if view is None:
            return None
        found.append(replace(view, moved=_then(weight.moved, carried, one)))
    return found[0] if single else found


def _then(
    first: Callable[[torch.Tensor], torch.Tensor],
    second: Callable[[torch.Tensor], Any],
    third: Callable[[Any], torch.Tensor],
) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda tensor: third(second(first(tensor)))


def _view(
    call: Call, weight: Weight, value: torch.Tensor, places: list[torch.Tensor], strides: Any
) -> Weight | None:
    axes: list[Axis] = [None] * value.ndim
    through, parts = list(weight.through), dict(weight.parts)
    for dim, index in enumerate(places):
        along_it = [d for d in range(index.ndim) if (index != index.narrow(d, 0, 1)).any()]
        if not along_it and strides is not None:
            step = 1 + 2**dim
            along_it = [d for d in range(index.ndim) if strides.stride(d) == step]
        if len(along_it) > 1 or (along_it and axes[along_it[0]] is not None):
            return None
        if (own := weight.axes[dim]) is None or not index.numel():
            continue
        line = (
            index.movedim(along_it[0], 0).reshape(len(index.movedim(along_it[0], 0)), -1)[:, 0]
            if along_it
            else index.flatten()[:1]
        )
        if not along_it:
            through.append((own[0], own[1][line]))
            continue
        axes[along_it[0]] = own[0], own[1][line]
        if call.name in ("slice", "narrow") and len(line) != weight.value.shape[dim]:
            parts[own[0]] = call.node, along_it[0]
    return replace(weight, value=value, axes=tuple(axes), through=tuple(through), parts=parts)
