"""Questions to a large tensor that some of its numbers answer, most of the time.

Who uses this: the audit, which asks them of every parameter in every run.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

_SOME = 1 << 12
BLOCK = 1 << 16
"""Numbers that are looked at at a time, in the cache."""


def some(tensor: torch.Tensor, count: int = _SOME) -> torch.Tensor:
    """Return a view of at most about so many numbers, evenly spread.

    >>> some(torch.arange(10), 5)
    tensor([0, 2, 4, 6, 8])
    """
    return tensor.detach().reshape(-1)[:: max(1, -(-tensor.numel() // count))]


def are_equal(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Return what `torch.equal` does, of dense tensors at a third of its cost.

    >>> are_equal(torch.ones(3), torch.ones(3)), are_equal(torch.ones(3), torch.zeros(3))
    (True, False)
    """
    tensors = first.detach(), second.detach()
    if first.shape != second.shape or not torch.equal(*map(some, tensors)):
        return False
    if not all(map(_shares_memory, tensors)):
        return torch.equal(*tensors)
    own, other = (x.reshape(-1).numpy() for x in tensors)
    starts = range(0, own.size, BLOCK)
    return all(np.array_equal(own[i : i + BLOCK], other[i : i + BLOCK]) for i in starts)


def wide_blocks(*tensors: torch.Tensor) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield some numbers of each tensor after others, in float64: no copy of all is made.

    >>> [float(first @ second) for first, second in wide_blocks(torch.ones(3), torch.ones(3))]
    [3.0]
    """
    flat = [tensor.detach().reshape(-1) for tensor in tensors]
    for start in range(0, len(flat[0]), BLOCK):
        yield tuple(x[start : start + BLOCK].to("cpu", torch.float64).numpy() for x in flat)


def _shares_memory(x: torch.Tensor) -> bool:
    """Return whether NumPy reads a tensor as it lies."""
    plain = type(x) is torch.Tensor and x.dtype in (torch.float32, torch.float64)
    return plain and x.is_contiguous() and x.device.type == "cpu"


def has_nonzero(tensor: torch.Tensor) -> bool:
    """Return whether any number is not 0; all are looked at where some are 0.

    >>> has_nonzero(torch.zeros(3)), has_nonzero(torch.ones(3))
    (False, True)
    """
    return bool(some(tensor).any()) or bool(tensor.detach().any())
