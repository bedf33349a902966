"""Operations on each entry alone, on each channel alone, and sums over axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from shrinkage.compaction.entries import Entries, mark, nonzero, words
from shrinkage.compaction.operations.mixing import Known, mixed

if TYPE_CHECKING:
    from shrinkage.compaction.analysis import Analysis
    from shrinkage.compaction.calls import Call

KEEPS = words(
    "clone contiguous dropout alpha_dropout feature_dropout to _to_copy type_as lift_fresh_copy "
    "float double half bfloat16 relu gelu silu mish hardswish hardsigmoid hardtanh relu6 elu selu "
    "celu leaky_relu softplus logsigmoid log_sigmoid"
)
"""Operations on each entry alone that have no tag of `torch` which says so."""

SPATIAL = words(
    "max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d "
    "adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d "
    "adaptive_max_pool3d max_pool2d_with_indices max_pool3d_with_indices "
    "upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d "
    "_upsample_nearest_exact2d _upsample_nearest_exact3d upsample_linear1d upsample_bilinear2d "
    "upsample_bicubic2d upsample_trilinear3d _upsample_bilinear2d_aa _upsample_bicubic2d_aa "
    "reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d "
    "replication_pad3d"
)
"""Operations on each channel of each row alone."""

REDUCTIONS = words("mean sum amax amin max min linalg_vector_norm")

ADDS = words("sum linalg_vector_norm")
"""Those in which what is 0 can be left out."""

TYPE_OF = words("to type_as")
"""Operations whose second tensor lends its type and no value."""


def pointwise(run: Analysis, call: Call) -> Known:
    """Operations on each entry alone: what is combined belongs together."""
    shape = call.value.shape
    tensors = call.tensors[:1] if call.name in TYPE_OF else call.tensors
    operands, units = joined(run, call, [run.entries(own) for own in tensors], shape)
    wide = [own.flow.expand(shape) for own in operands]
    if call.name == "mul" and len(operands) == 2:
        blocks = [mark(own.flow) + nonzero(own.value).to(own.flow.device) for own in operands]
        flow = wide[0] * blocks[1].detach() + wide[1] * blocks[0].detach()
    elif call.name == "div" and len(operands) == 2:  # 0 of whatever is 0
        there = mark(operands[0].flow) + nonzero(operands[0].value).to(wide[0].device)
        flow = wide[0] + wide[1] * there.detach()
    else:
        flow = torch.stack(wide).sum(0)
    return mark(flow), units


def gated(run: Analysis, call: Call) -> Known:
    """One half times the sigmoid of the other (`glu`): their entries belong together in pairs."""
    x, dim = call.positional(2)
    x, dim = run.entries(x), -1 if dim is None else dim
    units, gates = x.units.chunk(2, dim)
    run.units.join(units, gates)
    first, second = x.flow.chunk(2, dim)
    there = mark(first) + nonzero(x.value.chunk(2, dim)[0]).to(first.device)
    return mark(first + second * there.detach()), units


def padded(run: Analysis, call: Call) -> Known:
    """Borders around maps: an operation on each channel alone, unless channels are added."""
    _, widths = call.positional(2)
    if len(widths) > 2 * (call.value.ndim - 2):
        return mixed(run, call)
    return spatial(run, call)


def spatial(run: Analysis, call: Call) -> Known:
    """Operations on each channel of each row alone, such as pooling."""
    x = run.entries(call.tensors[0])
    dims = list(range(2, x.units.ndim))
    if not dims or call.value.ndim != x.units.ndim or call.value.shape[:2] != x.units.shape[:2]:
        return mixed(run, call)
    if run.units.vary_along(x.units, dims):
        x = run.mixes(call, x, f"{call.name} runs over them", fixed=True)
    units = run.units.join_along(x.units, dims).expand(call.value.shape)
    return mark(x.flow.mean(dims, keepdim=True).expand(call.value.shape)), units


def reduction(run: Analysis, call: Call) -> Known:
    """A mean, a sum or the largest over axes: what is taken together belongs together."""
    x, dims, keep = call.positional(3)
    if call.name == "linalg_vector_norm":
        x, order, dims, keep = call.positional(4)
        if order is not None and order <= 0:  # how many there are, or the smallest
            return mixed(run, call)
    if call.name in ("max", "min") and isinstance(dims, Entries):
        return pointwise(run, call)
    x = run.entries(x)
    dims = dims if isinstance(dims, (list, tuple)) else [dims]
    dims = list(range(x.units.ndim)) if dims in ([None], []) else list(dims)
    keep = bool(keep) and call.value.ndim == x.units.ndim
    dims = [dim % x.units.ndim for dim in dims]
    others = [dim for dim in range(1, x.units.ndim) if dim not in dims]
    in_pieces = run.units.vary_along(x.units, others)  # as in maxout: a piece can go as a whole
    mixes, adds = run.units.vary_along(x.units, dims) and not in_pieces, call.name in ADDS
    read = call.node in run.read  # else whatever is taken out of it fits
    if mixes and read:
        what = f"a {'norm' if 'norm' in call.name else call.name} runs over them"
        x = run.mixes(call, x, what, fixed=True, adds=adds)
    if mixes and (adds or not read):
        units = torch.zeros(call.value.shape, dtype=torch.long)
    else:
        units = run.units.join_along(x.units, dims)
        units = units.expand(call.value.shape) if keep else units.reshape(call.value.shape)
    flow = mark(x.flow.mean(dims, keepdim=True).reshape(call.value.shape))
    if adds and any(run.is_open(call.node.args[0], dim) for dim in dims):
        flow = run.counted(flow, call.value)
    return flow, units


def joined(
    run: Analysis, call: Call, operands: list[Entries], shape: torch.Size
) -> tuple[list[Entries], torch.Tensor]:
    """Join the units of operands that broadcast; one that is spread over units stays itself.

    Returns the operands as they are read, and the units of the result.
    """
    full = [own for own in operands if own.units.shape == shape]
    base = full[0].units if full else operands[0].units.expand(shape)
    read: list[Entries] = []
    for own in operands:
        wide = own.units.expand(shape)
        offset = len(shape) - own.units.ndim
        spread = [
            dim
            for dim in range(len(shape))
            if shape[dim] > 1 and (dim < offset or own.units.shape[dim - offset] == 1)
        ]
        aligned = [dim for dim in range(len(shape)) if dim not in spread]
        if not run.units.vary_along(base, spread):
            run.units.join(base, wide)
        elif run.units.vary_along(base, aligned):  # a row of it goes with an entry of the other
            base = run.units.join_along(base, spread).expand(shape)
            run.units.join(base, wide)
        elif run.units.find(own.units).any():
            own = run.mixes(
                call, own, f"{call.name} spreads them over others", fixed=True, held=True
            )
        read.append(own)
    return read, base
