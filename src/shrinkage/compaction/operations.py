"""What an operation does to flows and units: one entry a kind of operation.

Who uses this: `analysis`, for every call of a graph. An entry gets the analysis, the call and its
arguments, and returns the flow and the units of what comes out. An operation that is not here
mixes everything it gets: its units stay, and the rest of the network is made smaller around it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from shrinkage.compaction.entries import Entries, Weight, mark, nonzero, same, words
from shrinkage.compaction.units import first_along

if TYPE_CHECKING:
    from shrinkage.compaction.analysis import Analysis, Call

Known = tuple[torch.Tensor, torch.Tensor]
"""The flow and the units of what an operation returns."""

MOVES = words(
    "view reshape _unsafe_view view_as reshape_as permute transpose t flatten unflatten squeeze "
    "unsqueeze expand cat concat concatenate stack split split_with_sizes chunk unbind select "
    "slice narrow movedim swapaxes swapdims repeat tile flip roll pixel_shuffle pixel_unshuffle "
    "channel_shuffle alias detach getitem"
)
"""Operations that carry entries to other places: they carry flows and units in the same way."""

KEEPS = words(
    "clone contiguous dropout alpha_dropout feature_dropout to _to_copy type_as lift_fresh_copy "
    "float double half bfloat16 relu gelu silu mish hardswish hardsigmoid hardtanh relu6 elu selu "
    "celu leaky_relu softplus logsigmoid log_sigmoid"
)
"""Operations on each entry alone that have no tag of `torch` which says so."""

SPATIAL = words(
    "max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d "
    "adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d "
    "upsample_nearest1d upsample_nearest2d upsample_bilinear2d upsample_bicubic2d "
    "upsample_linear1d reflection_pad1d reflection_pad2d replication_pad1d replication_pad2d "
    "instance_norm"
)
"""Operations on each channel of each row alone."""

REDUCTIONS = words("mean sum amax amin")

MAY_BE_WEIGHTS = words(
    "linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d embedding batch_norm layer_norm "
    "group_norm matmul mm addmm t transpose permute prelu"
)
"""Operations that look at weights as such; others get their entries."""


def linear(run: Analysis, call: Call) -> Known:
    """x · Wᵀ + b: a column of W reads a feature, a row makes one."""
    x, weight, bias = call.positional(3)
    if not isinstance(weight, Weight) or not isinstance(bias, Weight | None):
        return mixed(run, call)
    return _weighted(run, call, x, weight, bias, axes=(1, 0))


def addmm(run: Analysis, call: Call) -> Known:
    """b + x · W."""
    bias, x, weight = call.positional(3)
    if call.keywords or not (isinstance(weight, Weight) and isinstance(bias, Weight)):
        return mixed(run, call)
    return _weighted(run, call, x, weight, bias, axes=(0, 1), product="mat1 mat2")


def matmul(run: Analysis, call: Call) -> Known:
    """x · W, or a product of two tensors that were computed."""
    a, b = call.positional(2)
    if isinstance(b, Weight) and b.value.ndim == 2 and isinstance(a, Entries):
        second = "self mat2" if call.name == "mm" else "self other"
        return _weighted(run, call, a, b, None, axes=(0, 1), product=second)
    a, b = run.entries(a), run.entries(b)
    if min(a.units.ndim, b.units.ndim) < 2:
        return mixed(run, call)
    return _product(run, call, a, b)


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
        return _weighted(run, call, x, weight, bias, axes=(1, 0), dim=1, padded=padded)
    channels = _channels(run, x)
    rows = run.axis(weight, 0)
    if bias is not None:
        run.units.join(run.axis(bias, 0), rows)
    run.units.join_along(channels.view(groups, -1), [1])
    run.units.join_along(rows.view(groups, -1), [1])
    run.units.join(channels.view(groups, -1)[:, 0], rows.view(groups, -1)[:, 0])
    flow = call.again(input=x.flow, weight=nonzero(weight.value), bias=None)
    return mark(flow), _along(rows, 1, flow.shape)


def conv_transpose(run: Analysis, call: Call) -> Known:
    """A transposed convolution without groups: its weight has the inputs first."""
    x, weight, bias, _stride, _padding, _output_padding, groups = call.positional(7)
    known = isinstance(weight, Weight) and isinstance(bias, Weight | None)
    if not known or (groups or 1) != 1 or run.entries(x).units.ndim != weight.value.ndim:
        return mixed(run, call)
    return _weighted(run, call, x, weight, bias, axes=(0, 1), dim=1, padded=True)


def embedding(run: Analysis, call: Call) -> Known:
    """Rows of a table: a column that is the same in all rows is constant."""
    weight, places = call.positional(2)
    if not isinstance(weight, Weight):
        return mixed(run, call)
    places = run.entries(places)
    columns = run.axis(weight, 1)
    varies = nonzero(weight.value.amax(0) - weight.value.amin(0))
    return mark(places.flow[..., None] * varies), columns.expand(call.value.shape)


def batch_norm(run: Analysis, call: Call) -> Known:
    """With the statistics of training, every channel is scaled and shifted by itself."""
    x, weight, bias, mean, variance, training = call.positional(6)
    x = run.entries(x)
    if training or mean is None:
        return mixed(run, call)
    channels = _channels(run, x)
    for own in (weight, bias, mean, variance):
        if own is not None:
            run.units.join(run.axis(own, 0), channels)
    flow = x.flow
    if weight is not None:
        flow = flow * _along(nonzero(weight.value), 1, flow.shape)
    return mark(flow), x.units


def layer_norm(run: Analysis, call: Call) -> Known:
    """A mean and a variance over features: none of them can be left out alone."""
    x, shape, weight, bias = call.positional(4)
    x = run.entries(x)
    dims = list(range(x.units.ndim - len(shape), x.units.ndim))
    if run.units.vary_along(x.units, dims):
        x = run.mixes(call, x, "a layer norm takes its mean and variance", fixed=True)
    flow = x.flow.mean(dims, keepdim=True).expand(x.flow.shape)
    for own in (weight, bias):
        if own is not None:
            run.units.join(run.entries(own).units, x.units)
    if weight is not None:
        flow = flow * nonzero(weight.value)
    return mark(flow), x.units


def group_norm(run: Analysis, call: Call) -> Known:
    """A mean and a variance over channels."""
    x, _groups, weight, bias = call.positional(4)
    x = run.mixes(call, run.entries(x), "a group norm takes its mean and variance", fixed=True)
    channels = _channels(run, x)
    flow = x.flow.mean(list(range(1, x.flow.ndim)), keepdim=True).expand(x.flow.shape)
    for own in (weight, bias):
        if own is not None:
            run.units.join(run.axis(own, 0), channels)
    if weight is not None:
        flow = flow * _along(nonzero(weight.value), 1, flow.shape)
    return mark(flow), x.units


def prelu(run: Analysis, call: Call) -> Known:
    """One slope for all, or one a channel."""
    x, weight = call.positional(2)
    x = run.entries(x)
    if isinstance(weight, Weight) and weight.value.numel() > 1:
        run.units.join(run.axis(weight, 0), _channels(run, x))
    return x.flow, x.units


def softmax(run: Analysis, call: Call) -> Known:
    """A weighting along one axis."""
    x, dim = call.positional(2)
    x = run.entries(x)
    if run.units.vary_along(x.units, [dim]):
        x = run.mixes(call, x, "a softmax runs over it", fixed=True)
    return mark(x.flow.mean(dim, keepdim=True).expand(x.flow.shape)), x.units


def attention(run: Analysis, call: Call) -> Known:
    """Scaled dot-product attention: a head is one unit, its values are averaged with weights."""
    q, k, v, mask = call.positional(4)
    q, k, v = (run.entries(own) for own in (q, k, v))
    if q.units.shape[:-2] != k.units.shape[:-2] or k.units.shape[:-2] != v.units.shape[:-2]:
        return mixed(run, call)
    q, k, v = (run.mixes(call, own, "an attention head reads it", fixed=False) for own in (q, k, v))
    heads = _join_heads(run, q, k, v)
    weights = q.flow.mean(-1, keepdim=True) + k.flow.mean((-2, -1), keepdim=True)
    if isinstance(mask, Entries):
        weights = weights + mask.flow.mean(-1, keepdim=True)
    flow = _averaged(v, weights, uncertain=mask is not None)
    return mark(flow), heads.expand(flow.shape)


def pointwise(run: Analysis, call: Call) -> Known:
    """Operations on each entry alone: what is combined belongs together."""
    shape = call.value.shape
    operands = [run.entries(own) for own in call.tensors]
    units = _joined(run, call, operands, shape)
    wide = [(own.flow.expand(shape), own) for own in operands]
    if call.name == "mul" and len(operands) == 2:
        blocks = [mark(own.flow) + nonzero(own.value).to(own.flow.device) for own in operands]
        flow = wide[0][0] * blocks[1].detach() + wide[1][0] * blocks[0].detach()
    else:
        flow = torch.stack([own for own, _ in wide]).sum(0)
    return mark(flow), units


def spatial(run: Analysis, call: Call) -> Known:
    """Operations on each channel of each row alone, such as pooling."""
    x = run.entries(call.tensors[0])
    dims = list(range(2, x.units.ndim))
    if not dims or call.value.ndim != x.units.ndim or call.value.shape[:2] != x.units.shape[:2]:
        return mixed(run, call)
    units = run.units.join_along(x.units, dims).expand(call.value.shape)
    return mark(x.flow.mean(dims, keepdim=True).expand(call.value.shape)), units


def reduction(run: Analysis, call: Call) -> Known:
    """A mean or a sum over axes."""
    x, dims, keep = call.positional(3)
    x = run.entries(x)
    dims = dims if isinstance(dims, (list, tuple)) else [dims]
    dims = list(range(x.units.ndim)) if dims in ([None], []) else list(dims)
    keep = bool(keep) and call.value.ndim == x.units.ndim
    if run.units.vary_along(x.units, dims):
        x = run.mixes(call, x, f"a {call.name} runs over it", fixed=True)
        units = torch.zeros(call.value.shape, dtype=torch.long)
    else:
        units = first_along(x.units, dims)
        units = units.expand(call.value.shape) if keep else units.reshape(call.value.shape)
    return mark(x.flow.mean(dims, keepdim=True).reshape(call.value.shape)), units


def moved(run: Analysis, call: Call) -> Any:
    """Carry flows and units as the values were carried."""
    del run
    return call.carried("flow"), call.carried("units")


def mixed(run: Analysis, call: Call) -> Known:
    """Everything that comes out depends on everything that goes in; its units stay."""
    flow = torch.zeros((), requires_grad=True) * 1.0
    for own in call.tensors:
        entries = run.mixes(call, run.entries(own), f"{call.name} reads it", fixed=True)
        flow = flow.to(entries.flow.device) + entries.flow.sum()
    shape = call.value.shape
    return mark(flow.expand(shape)), torch.zeros(shape, dtype=torch.long)


OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "linear": linear,
    "addmm": addmm,
    "mm": matmul,
    "bmm": matmul,
    "matmul": matmul,
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), conv),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d"), conv_transpose),
    "embedding": embedding,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "prelu": prelu,
    "softmax": softmax,
    "log_softmax": softmax,
    "_softmax": softmax,
    "scaled_dot_product_attention": attention,
    **dict.fromkeys(KEEPS, pointwise),
    **dict.fromkeys(SPATIAL, spatial),
    **dict.fromkeys(REDUCTIONS, reduction),
    **dict.fromkeys(MOVES, moved),
}
"""What an operation does, by its name in `torch.ops.aten`."""


def operation_of(target: Any, name: str) -> Callable[[Any, Any], Any]:
    """Return what an operation does to flows and units."""
    own = OPERATIONS.get(name)
    if own is None and torch.Tag.pointwise in getattr(target, "tags", ()):
        return pointwise
    return own or mixed


def _weighted(
    run: Analysis,
    call: Call,
    x: Any,
    weight: Weight,
    bias: Weight | None,
    *,
    axes: tuple[int, int],
    dim: int = -1,
    padded: bool = False,
    product: str = "input weight",
) -> Known:
    """Record a weighted sum; `axes` are those of the weight that read and make features.

    `product` has the names of the two factors in the operation's schema.
    """
    entries = run.entries(x).probed()
    others = [other for other in range(entries.units.ndim) if other != dim % entries.units.ndim]
    features = run.units.join_along(entries.units, others).flatten()
    run.units.join(run.axis(weight, axes[0]), features)
    rows = run.axis(weight, axes[1])
    if bias is not None:
        run.units.join(run.axis(bias, 0), rows)
    both = (entries.flow, nonzero(weight.value))
    factors: dict[str, Any] = dict(zip(product.split(), both, strict=True))
    if call.name == "addmm":
        factors["self"] = torch.zeros((), device=weight.value.device)
    else:
        factors["bias"] = None
    flow = mark(call.again(**factors))
    units = _along(rows, dim, flow.shape)
    run.reads(call, entries, dim, weight, axes, bias, Entries(call.value, flow, units), padded)
    return flow, units


def _product(run: Analysis, call: Call, a: Entries, b: Entries) -> Known:
    """A product of computed tensors, as in an attention that is written out."""
    shape = call.value.shape
    a = run.mixes(call, a, "a product reads it", fixed=False)
    b = run.mixes(call, b, "a product reads it", fixed=False)
    heads = _join_heads(run, a, b)
    if a.sums_to_one:
        flow = _averaged(b, a.flow.mean(-1, keepdim=True), uncertain=False)
    else:
        a_there = mark(a.flow).detach() + nonzero(a.value)
        b_there = mark(b.flow).detach() + nonzero(b.value)
        flow = a.flow @ b_there + a_there @ b.flow
    return mark(flow.expand(shape)), heads.expand(shape)


def _averaged(v: Entries, weights: torch.Tensor, *, uncertain: bool) -> torch.Tensor:
    """Return the flow of a weighted mean over positions: equal values stay as they are."""
    equal = same(v.value, v.value.narrow(-2, 0, 1)).all(-2, keepdim=True)
    varies = v.flow.mean(-2, keepdim=True)
    if uncertain:
        equal = torch.zeros_like(equal)
    depends = mark(varies).detach() + (~equal).to(torch.float32)
    return varies + weights * depends


def _join_heads(run: Analysis, *operands: Entries) -> torch.Tensor:
    """Make all entries below the last two axes one unit, across operands, and return those."""
    heads = [run.units.join_along(own.units, [-2, -1]) for own in operands]
    for other in heads[1:]:
        run.units.join(heads[0], other)
    return torch.broadcast_tensors(*heads)[0]


def _joined(run: Analysis, call: Call, operands: list[Entries], shape: torch.Size) -> torch.Tensor:
    """Join the units of operands that broadcast; one that is spread over units stays itself."""
    if not operands:
        return torch.zeros(shape, dtype=torch.long)
    full = [own for own in operands if own.units.shape == shape]
    base = full[0].units if full else operands[0].units.expand(shape)
    for own in operands:
        wide = own.units.expand(shape)
        offset = len(shape) - own.units.ndim
        spread = [
            dim
            for dim in range(len(shape))
            if shape[dim] > 1 and (dim < offset or own.units.shape[dim - offset] == 1)
        ]
        if run.units.vary_along(base, spread):
            if run.units.find(own.units).any():
                run.mixes(call, own, f"{call.name} spreads it over others", fixed=True)
        else:
            run.units.join(base, wide)
    return base


def _channels(run: Analysis, x: Entries) -> torch.Tensor:
    others = [dim for dim in range(x.units.ndim) if dim != 1]
    return run.units.join_along(x.units, others).flatten()


def _along(vector: torch.Tensor, dim: int, shape: torch.Size) -> torch.Tensor:
    """Return a vector laid along one axis of a shape."""
    sizes = [1] * len(shape)
    sizes[dim] = -1
    return vector.view(sizes).expand(shape)


def _count(padding: Any) -> Any:
    return 1 if isinstance(padding, str) else padding
