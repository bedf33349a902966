"""Parameters that lie in shards on several processes: FSDP2 and tensor parallel (DTensor).

Who uses this: `Target`, so that the updates need not know. A penalty on single weights works on
the local shard; a group that crosses shards is worked on in the full tensor, gathered for one
parameter at a time, as every process then computes the same. Without a process group no tensor
is a DTensor, and nothing here runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from shrinkage.terms import Part


def is_sharded(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is a DTensor, without importing torch.distributed for that.

    >>> is_sharded(torch.ones(2))
    False
    """
    return hasattr(tensor, "device_mesh") and hasattr(tensor, "placements")


def is_empty_shard(tensor: Any) -> bool:
    """Return whether this process has no weight of a sharded parameter.

    >>> is_empty_shard(torch.ones(0))
    False
    """
    return is_sharded(tensor) and local(tensor.detach()).numel() == 0


def local(tensor: Any) -> torch.Tensor:
    """Return the shard of this process, sharing its memory."""
    return tensor.to_local() if is_sharded(tensor) else tensor


def unsharded(tensor: Any) -> torch.Tensor:
    """Return the full tensor, gathered from all processes; every process has to call this."""
    return tensor.full_tensor() if is_sharded(tensor) else tensor


def shard_of(full: torch.Tensor, like: Any) -> torch.Tensor:
    """Return this process's shard of a full tensor, cut as `like` is; nothing is sent."""
    if not is_sharded(like) or is_sharded(full):
        return local(full)
    from torch.distributed.tensor import DTensor, Replicate

    mesh = like.device_mesh
    everywhere = [Replicate()] * mesh.ndim
    spread = DTensor.from_local(full, mesh, everywhere, run_check=False)
    return spread.redistribute(placements=like.placements).to_local()


def like_parameter(shard: torch.Tensor, parameter: Any) -> torch.Tensor:
    """Return a shard of this process as a tensor sharded as the parameter is, for checkpoints."""
    if not is_sharded(parameter):
        return shard
    from torch.distributed.tensor import DTensor

    return DTensor.from_local(
        shard,
        parameter.device_mesh,
        parameter.placements,
        run_check=False,
        shape=parameter.shape,
        stride=parameter.stride(),
    )


def sharded_axes(parameter: Any) -> tuple[int, ...]:
    """Return the mesh axes along which a parameter is cut; none for a plain tensor.

    >>> sharded_axes(torch.ones(2))
    ()
    """
    if not is_sharded(parameter):
        return ()
    return tuple(axis for axis, p in enumerate(parameter.placements) if p.is_shard())


def sum_over_shards(value: torch.Tensor, parameter: Any) -> torch.Tensor:
    """Return the sum of a value over the processes that hold shards of a parameter."""
    axes = sharded_axes(parameter)
    if axes:
        value = value.clone()
        for axis in axes:
            torch.distributed.all_reduce(value, group=parameter.device_mesh.get_group(axis))
    return value


def crosses(parts: Sequence[Part], parameter: Any) -> bool:
    """Return whether some penalty needs weights of other shards together with its own.

    L1 and L2 act on single weights, a group lasso on its groups; a user's own penalty may be about
    all weights, so it is worked on in the full tensor.
    """
    if not is_sharded(parameter):
        return False
    cut = {p.dim % parameter.ndim for p in parameter.placements if p.is_shard()}
    partial = any(p.is_partial() for p in parameter.placements)
    return partial or any(cut & {*part.penalty.coupled_axes(parameter.ndim)} for part in parts)
