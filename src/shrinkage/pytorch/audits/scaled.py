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
_FEWEST = 8  # that are smaller than they were: so many are not all so by chance


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
    """Return whether one gradient is the other with elements, or rows, cut down."""
    return is_cut_singly(made, used) or _has_cut_rows(made, used)


def is_cut_singly(made: torch.Tensor, used: torch.Tensor) -> bool:
    """Return whether elements of a gradient are cut down, each by itself: clamped, say.

    Or no element is larger than it was, several are smaller and none is gone, as bounds of their
    own or a tanh make them; what is added to a gradient makes some larger.
    """
    most = float(used.abs().max())
    if torch.equal(made.clamp(-most, most), used):
        return True
    kept = (used.abs() <= made.abs() * (1 + _SAME)) & (used.sign() == made.sign())
    smaller = bool(kept.all()) and int((used != made).sum()) >= _FEWEST
    return smaller and not _has_cut_rows(made, used)


def is_bent(made: torch.Tensor, used: torch.Tensor) -> bool:
    """Return whether numbers of a gradient are made of it one by one, in their order: a sign, say.

    >>> made = torch.linspace(-1, 2, 9)
    >>> is_bent(made, made.sign()), is_bent(made, made - 0.5)
    (True, False)
    """
    if made.numel() < _FEWEST or not torch.equal(made.sign() * used.sign().abs(), used.sign()):
        return False
    order = made.reshape(-1).argsort()
    return bool((used.reshape(-1)[order].diff() >= 0).all())


def _has_cut_rows(made: torch.Tensor, used: torch.Tensor) -> bool:
    """Return whether every row is a part of what it was."""
    if made.ndim < 2:
        return False
    rows, cut = (gradient.flatten(1).double() for gradient in (made, used))
    ratios = (rows * cut).sum(1) / rows.square().sum(1).clamp(min=1e-300)
    along = (cut - ratios[:, None] * rows).norm() <= _ALIGNED * cut.norm()
    return bool(along) and bool((ratios >= 0).all()) and bool((ratios <= 1 + _SAME).all())
