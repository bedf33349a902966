"""Products of what was computed, as in attention: a head is one unit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from shrinkage.compaction.entries import FLOW, Entries, mark, nonzero, same
from shrinkage.compaction.operations.mixing import Known, mixed
from shrinkage.compaction.operations.weighted import add_weighted, is_weighted, plus, weighted

if TYPE_CHECKING:
    from shrinkage.compaction.analysis import Analysis
    from shrinkage.compaction.calls import Call


def matmul(run: Analysis, call: Call) -> Known:
    """x · W, or a product of two tensors that were computed."""
    a, b = call.positional(2)
    if is_weighted(run, a, b):
        second = "self other" if call.name == "matmul" else "self mat2"
        return weighted(run, call, a, b, None, axes=(-2, -1), product=second)
    a, b = run.entries(a), run.entries(b)
    if min(a.units.ndim, b.units.ndim) < 2:
        return mixed(run, call)
    first = call.node.args[0]
    return product(run, call, a, b, first, counts=run.is_open(first, -1))


def baddbmm(run: Analysis, call: Call) -> Known:
    """A product of two tensors, and what is added to it, such as a mask."""
    _, a, b = call.positional(3)
    if call.keywords:
        return mixed(run, call)
    if is_weighted(run, a, b):
        return add_weighted(run, call)
    first, (a, b) = call.node.args[1], (run.entries(a), run.entries(b))
    alone = replace(call, value=a.value @ b.value)
    flow, units = product(run, alone, a, b, first, counts=run.is_open(first, -1))
    return plus(run, call, flow, units)


def product(
    run: Analysis, call: Call, a: Entries, b: Entries, first: Any, *, counts: bool
) -> Known:
    """A product of computed tensors: features are added up, or lie along what is not summed.

    `first` is the node of the first one; `counts` says that longer inputs have more to sum.
    """
    a, b, heads = _apart(run, call, a, b)
    given = _is_given(run, first)
    batch = [list(range(own.units.ndim - 2)) for own in (a, b)]
    alone = not any(
        run.units.vary_along(own.units, dims) for own, dims in zip((a, b), batch, strict=True)
    )
    features = run.units.vary_along(a.units, [-1]) or run.units.vary_along(b.units, [-2])
    if heads is None and alone and features and not (counts or given):
        return added_up(run, call, a, b)
    return _multiplied(run, call, a, b, first, counts=counts, heads=heads)


def _apart(
    run: Analysis, call: Call, a: Entries, b: Entries
) -> tuple[Entries, Entries, torch.Tensor | None]:
    """Return the units of what comes out where one factor only weighs what the other has.

    So are the states that an attention averages, or what several experts say, with their features
    along an axis that is not summed. None where features are summed, or are those of heads.
    """
    vary, find, what = run.units.vary_along, run.units.find, "a product spreads them over others"
    if vary(a.units, [-2]) and not vary(a.units, [-1]) and not vary(b.units, [-1]):
        if find(b.units).any():
            b = run.mixes(call, b, what, fixed=True, held=True)
        return a, b, a.units.narrow(-1, 0, 1)
    weights = vary(a.units, [-1]) or not find(a.units).any()
    if vary(b.units, [-1]) and not vary(b.units, [-2]) and not vary(a.units, [-2]) and weights:
        if find(a.units).any():
            a = run.mixes(call, a, what, fixed=True, held=True)
        return a, b, b.units.narrow(-2, 0, 1)
    return a, b, None


def added_up(run: Analysis, call: Call, a: Entries, b: Entries) -> Known:
    """Products of rows and columns: a feature that is 0 in one of them can be left out of both."""
    features = run.units.join_along(a.units, [-2])
    run.units.join(features.transpose(-2, -1), run.units.join_along(b.units, [-1]))
    a_there, b_there = (mark(own.flow).detach() + nonzero(own.value) for own in (a, b))
    in_a, in_b = a_there.amax(-2, keepdim=True), b_there.amax(-1, keepdim=True)
    both = (in_a * in_b.transpose(-2, -1) > 0).to(FLOW)
    parts = []
    for own, stays in ((a, both), (b, both.transpose(-2, -1))):
        read = Entries(own.value * stays, own.flow * stays, own.units)
        parts.append(run.mixes(call, read, "a product adds them up", fixed=True, adds=True))
    flow = parts[0].flow @ b_there + a_there @ parts[1].flow
    return mark(flow), torch.zeros(call.value.shape, dtype=torch.long)


def softmax(run: Analysis, call: Call) -> Known:
    """A weighting along one axis."""
    x, dim = call.positional(2)
    x = run.entries(x)
    others = [other for other in range(1, x.units.ndim) if other != dim % x.units.ndim]
    units = x.units
    if run.units.vary_along(units, [dim]):
        if run.units.vary_along(units, others):  # what each of several says of a unit
            units = run.units.join_along(units, [dim]).expand(units.shape)
        else:
            x = run.mixes(call, x, "a softmax runs over them", fixed=True)
    flow = mark(x.flow.mean(dim, keepdim=True).expand(x.flow.shape))
    if run.is_open(call.node.args[0], dim):
        flow = run.counted(flow, call.value)
    return flow, units


def attention(run: Analysis, call: Call) -> Known:
    """Scaled dot-product attention: a head is one unit, its values are averaged with weights."""
    q, k, v, mask = call.positional(4)
    q, k, v = (run.entries(own) for own in (q, k, v))
    if call.keywords.get("enable_gqa") and q.units.ndim == k.units.ndim == v.units.ndim > 3:
        k, v = (_repeated(own, q.units.shape[-3]) for own in (k, v))
    if q.units.shape[:-2] != k.units.shape[:-2] or k.units.shape[:-2] != v.units.shape[:-2]:
        return mixed(run, call)
    q, k, v = (
        run.mixes(call, own, "an attention head reads them", fixed=False) for own in (q, k, v)
    )
    heads = _join_heads(run, q, k, v)
    weights = q.flow.mean(-1, keepdim=True) + k.flow.mean((-2, -1), keepdim=True)
    if isinstance(mask, Entries):
        mask = _masking(run, call, mask, heads)
        weights = weights + mask.flow.mean(-1, keepdim=True)
    flow = _averaged(v, weights, uncertain=mask is not None)
    return mark(flow), heads.expand(flow.shape)


def _multiplied(
    run: Analysis,
    call: Call,
    a: Entries,
    b: Entries,
    first: Any,
    *,
    counts: bool,
    heads: torch.Tensor | None,
) -> Known:
    """A product of which a head is one unit, as in an attention that is written out."""
    shape = call.value.shape
    own = _is_given(run, first) and str(first.target) not in run.trace.inputs
    a = run.mixes(call, a, "a product reads them", fixed=own, held=own)
    b = run.mixes(call, b, "a product reads them", fixed=False)
    if heads is None and _is_given(run, first) and not run.units.vary_along(b.units, [-2]):
        heads = b.units.narrow(-2, 0, 1)  # neighbours · features: each column by itself
    elif heads is None:
        heads = _join_heads(run, a, b)
    if a.sums_to_one:
        flow = _averaged(b, a.flow.mean(-1, keepdim=True), uncertain=False)
    else:
        a_there = mark(a.flow).detach() + nonzero(a.value)
        b_there = mark(b.flow).detach() + nonzero(b.value)
        flow = a.flow @ b_there + a_there @ b.flow
        if counts and not run.units.vary_along(a.units, [-1]):
            flow = run.counted(flow, call.value)
    return mark(flow.expand(shape)), heads.expand(shape)


def _is_given(run: Analysis, first: Any) -> bool:
    """Return whether the first factor is a matrix that stays: an input, a buffer, a parameter."""
    if not isinstance(first, torch.fx.Node):
        return False
    inputs, name = run.trace.inputs, str(first.target)
    own = name in run.trace.names or name in run.trace.constants
    return own or (len(inputs) > 1 and name in inputs)


def _averaged(v: Entries, weights: torch.Tensor, *, uncertain: bool) -> torch.Tensor:
    """Return the flow of a weighted mean over positions: equal values stay as they are."""
    equal = same(v.value, v.value.narrow(-2, 0, 1)).all(-2, keepdim=True)
    varies = v.flow.mean(-2, keepdim=True)
    if uncertain:
        equal = torch.zeros_like(equal)
    depends = mark(varies).detach() + (~equal).to(FLOW)
    return varies + weights * depends


def _masking(run: Analysis, call: Call, mask: Entries, heads: torch.Tensor) -> Entries:
    """Return a mask as attention reads it: a head's part goes with the head, all else stays."""
    of_heads = mask.units.ndim > 2 and mask.units.shape[-3] == heads.shape[-3] > 1
    own = run.units.join_along(mask.units, [-2, -1]) if of_heads else mask.units
    if not of_heads or run.units.vary_along(own, list(range(own.ndim - 3))):
        return run.mixes(call, mask, "an attention mask holds them", fixed=True, held=True)
    run.units.join(heads, own)
    return mask


def _repeated(own: Entries, heads: int) -> Entries:
    """Return keys or values with one head for each that reads them, as grouped queries do."""
    times = heads // own.units.shape[-3]
    value, flow, units = (
        tensor.repeat_interleave(times, -3) for tensor in (own.value, own.flow, own.units)
    )
    return Entries(value, flow, units, own.sums_to_one)


def _join_heads(run: Analysis, *operands: Entries) -> torch.Tensor:
    """Make all entries below the last two axes one unit, across operands, and return those."""
    heads = [run.units.join_along(own.units, [-2, -1]) for own in operands]
    for other in heads[1:]:
        run.units.join(heads[0], other)
    run.heads.append(heads[0])
    return torch.broadcast_tensors(*heads)[0]
