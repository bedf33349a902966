"""Two gradients of one parameter: what a loop has done to the one of backward until its step.

Who uses this: `watch`.
"""

from __future__ import annotations

import torch

from shrinkage.audits.measuring.fits import dot
from shrinkage.pytorch.audits.glance import wide_blocks

_ALIGNED = 1e-4  # rows of two gradients are of one direction
_SAME = 1e-6
_ROUNDINGS = 4  # in which a gradient and what it was scaled to may differ


def dense(gradient: torch.Tensor) -> torch.Tensor:
    """Return a gradient as an array, detached."""
    gradient = gradient.detach()
    return gradient.to_dense() if gradient.is_sparse else gradient


def ratio_of(made: torch.Tensor, used: torch.Tensor) -> float | None:
    """Return by how much one gradient is the other, None where it is more than scaled."""
    square = along = size = rest = 0.0
    for wide, other in wide_blocks(made, used):
        square += dot(wide, wide)
        along += dot(wide, other)
        size += dot(other, other)
    if not square:
        return None
    ratio = along / square
    for wide, other in wide_blocks(made, used):
        left = other - ratio * wide
        rest += dot(left, left)
    return ratio if rest**0.5 <= rounding_of(used) * size**0.5 else None


def rounding_of(gradient: torch.Tensor) -> float:
    """Return by what share a gradient that is only scaled may differ from another multiple."""
    return _ROUNDINGS * torch.finfo(gradient.dtype).eps


def is_clamped(made: torch.Tensor, used: torch.Tensor) -> bool:
    """Return whether one gradient is the other with its largest elements, or rows, cut down."""
    most = float(used.abs().max())
    if torch.equal(made.clamp(-most, most), used):
        return True
    if made.ndim < 2:
        return False
    rows, cut = (gradient.flatten(1).double() for gradient in (made, used))
    ratios = (rows * cut).sum(1) / rows.square().sum(1).clamp(min=1e-300)
    along = (cut - ratios[:, None] * rows).norm() <= _ALIGNED * cut.norm()
    return bool(along) and bool((ratios >= 0).all()) and bool((ratios <= 1 + _SAME).all())
