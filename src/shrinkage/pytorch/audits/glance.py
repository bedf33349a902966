"""Questions to a large tensor that some of its numbers answer, most of the time.

Who uses this: the audit, which asks them of every parameter in every run.
"""

from __future__ import annotations

import torch

_SOME = 1 << 12


def some(tensor: torch.Tensor, count: int = _SOME) -> torch.Tensor:
    """Return a view of at most about so many numbers, evenly spread.

    >>> some(torch.arange(10), 5)
    tensor([0, 2, 4, 6, 8])
    """
    return tensor.detach().reshape(-1)[:: max(1, -(-tensor.numel() // count))]


def has_nonzero(tensor: torch.Tensor) -> bool:
    """Return whether any number is not 0; all are looked at where some are 0.

    >>> has_nonzero(torch.zeros(3)), has_nonzero(torch.ones(3))
    (False, True)
    """
    return bool(some(tensor).any()) or bool(tensor.detach().any())
