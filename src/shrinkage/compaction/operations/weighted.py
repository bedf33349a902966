"""Weighted sums: a column of a weight reads a feature, a row makes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from shrinkage.compaction.entries import FLOW, Entries, Weight, mark, nonzero
from shrinkage.compaction.operations.entrywise import joined
from shrinkage.compaction.operations.mixing import Known, along, channels, mixed

if TYPE_CHECKING:
    from shrinkage.compaction.analysis import Analysis
    from shrinkage.compaction.calls import Call


def linear(run: Analysis, call: Call) -> Known:
    """x · Wᵀ + b."""
    x, weight, bias = call.positional(3)
    if not isinstance(weight, Weight) or not isinstance(bias, Weight | None):
        return mixed(run, call)
    if weight.value.ndim != 2:
        return mixed(run, call)
    return weighted(run, call, x, weight, bias, axes=(1, 0))


def addmm(run: Analysis, call: Call) -> Known:
    """b + x · W."""
    bias, x, weight = call.positional(3)
    if call.keywords or not (isinstance(weight, Weight) and isinstance(bias, Weight)):
        return mixed(run, call)
    return weighted(run, call, x, weight, bias, axes=(0, 1), product="mat1 mat2")


def add_weighted(run: Analysis, call: Call) -> Known:
    """b + x · W with a matrix for each of several, such as experts."""
    _bias, x, weight = call.positional(3)
    flow, units = weighted(run, call, x, weight, None, axes=(-2, -1), product="batch1 batch2")
    return plus(run, call, flow, units)


def plus(run: Analysis, call: Call, flow: torch.Tensor, units: torch.Tensor) -> Known:
    """Add the first argument to a product."""
    both = [Entries(call.value, flow, units), run.entries(call.arguments[0])]
    (_, added), units = joined(run, call, both, call.value.shape)
    return mark(flow + added.flow.expand(flow.shape)), units


def is_weighted(run: Analysis, x: Any, weight: Any) -> bool:
    """Return whether a product is a weighted sum: by one matrix, or by one for each of several.

    Where each of several has features of its own, those are no features of one sum.
    """
    if not (isinstance(x, Entries) and isinstance(weight, Weight) and weight.value.ndim > 1):
        return False
    each = weight.value.shape[:-2]
    dims = [dim for dim in range(-3, -3 - len(each), -1) if -dim <= x.units.ndim]
    return not each or not run.units.vary_along(x.units, [dim % x.units.ndim for dim in dims])


def conv(run: Analysis, call: Call) -> Known:
    """A convolution: channels are features; a group is one unit where there are several."""
    x, weight, bias, _stride, padding, _dilation, groups = call.positional(7)
    if not isinstance(weight, Weight) or not isinstance(bias, Weight | None):
        return mixed(run, call)
    x = run.entries(x)
    if x.units.ndim != weight.value.ndim:
        return mixed(run, call)
    padded = padding not in (None, "valid") and bool(torch.as_tensor(_count(padding)).any())
    if (groups or 1) == 1:
        return weighted(run, call, x, weight, bias, axes=(1, 0), dim=1, padded=padded)
    return _in_groups(run, call, x, weight, bias, groups, run.axis(weight, 0))


def _in_groups(
    run: Analysis,
    call: Call,
    x: Entries,
    weight: Weight,
    bias: Weight | None,
    groups: int,
    rows: torch.Tensor,
) -> Known:
    """A convolution in groups, of which each is one unit: what it reads and what it makes."""
    x = run.mixes(call, x, "a group of a convolution reads them", fixed=False)
    features = channels(run, x)
    if bias is not None:
        run.units.join(run.axis(bias, 0), rows)
    run.units.join_along(features.view(groups, -1), [1])
    run.units.join_along(rows.view(groups, -1), [1])
    run.units.join(features.view(groups, -1)[:, 0], rows.view(groups, -1)[:, 0])
    flow = mark(call.again(input=x.flow, weight=nonzero(weight.value), bias=None))
    units = along(rows, 1, flow.shape)
    run.makes(call, weight, flow, units, 1)
    return flow, units


def conv_transpose(run: Analysis, call: Call) -> Known:
    """A transposed convolution: its weight has the inputs first."""
    x, weight, bias, _stride, _padding, _output_padding, groups = call.positional(7)
    if not isinstance(weight, Weight) or not isinstance(bias, Weight | None):
        return mixed(run, call)
    x = run.entries(x)
    if x.units.ndim != weight.value.ndim:
        return mixed(run, call)
    if (groups or 1) == 1:
        return weighted(run, call, x, weight, bias, axes=(0, 1), dim=1, padded=True)
    run.units.join(run.axis(weight, 0), channels(run, x))
    rows = run.units.new(groups * weight.value.shape[1])
    return _in_groups(run, call, x, weight, bias, groups, rows)


def embedding(run: Analysis, call: Call) -> Known:
    """Rows of a table: a column that is the same in all rows is constant."""
    weight, places = call.positional(2)
    if not isinstance(weight, Weight):
        return mixed(run, call)
    places = run.mixes(call, run.entries(places), "rows are looked up", fixed=True, held=True)
    columns = run.axis(weight, 1)
    varies = nonzero(weight.value.amax(0) - weight.value.amin(0))
    flow, units = mark(places.flow[..., None] * varies), columns.expand(call.value.shape)
    run.makes(call, weight, flow, units, -1)
    return flow, units


def weighted(
    run: Analysis,
    call: Call,
    x: Any,
    weight: Weight,
    bias: Weight | None,
    *,
    axes: tuple[int, int],
    dim: int = -1,
    padded: bool = False,
    made_dim: int | None = None,
    product: str = "input weight",
    flowing: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> Known:
    """Record a weighted sum; `axes` are those of the weight that read and make features.

    They lie along `dim` of what is read and along `made_dim` of what comes out. `product` has the
    names of the two factors in the operation's schema; `flowing` returns the flow by itself.
    """
    made_dim = dim if made_dim is None else made_dim
    entries = run.entries(x).probed()
    axes = (axes[0] % weight.value.ndim, axes[1] % weight.value.ndim)
    others = [other for other in range(entries.units.ndim) if other != dim % entries.units.ndim]
    features = run.units.join_along(entries.units, others).flatten()
    run.units.join(run.axis(weight, axes[0]), features)
    rows = run.axis(weight, axes[1])
    if bias is not None:
        run.units.join(run.axis(bias, 0), rows)
    both = (entries.flow, nonzero(weight.value))
    factors: dict[str, Any] = dict(zip(product.split(), both, strict=True))
    if call.name in ("addmm", "baddbmm"):
        factors["self"] = torch.zeros((), dtype=FLOW, device=weight.value.device)
    else:
        factors["bias"] = None
    flow = mark(flowing(entries.flow) if flowing else call.again(**factors))
    units = along(rows, made_dim, flow.shape)
    made = run.makes(call, weight, flow, units, made_dim)
    run.reads(call, entries, dim, weight, axes, bias, made, padded)
    return flow, units


def _count(padding: Any) -> Any:
    return 1 if isinstance(padding, str) else padding
