"""Torch's random state at the start of a step, for dropout.

Who uses this: both engines, so that the same step of the same unit draws the same masks.
`torch.manual_seed` records a stack trace for devices that are not there, at about a millisecond
a call; the generators are seeded directly.
"""

from __future__ import annotations

import torch


def seed_generators(seed: int, device: torch.device) -> None:
    """Seed torch's default generator of the CPU and, on another device, of that device.

    >>> seed_generators(0, torch.device("cpu"))
    >>> first = torch.rand(2)
    >>> seed_generators(0, torch.device("cpu"))
    >>> bool((torch.rand(2) == first).all())
    True
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
