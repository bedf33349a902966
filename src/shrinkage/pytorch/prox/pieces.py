"""The proximal step on pieces of the weights that are dense by themselves, for many models at once.

Who uses this: `Shrink`, where a penalty is on some units only, or on groups of unequal size. A
piece is copied out, shrunk by the fast route for its shape, and copied back: two passes more over
the memory, and not one line of mathematics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch

from shrinkage.pytorch.optimizers import Motion
from shrinkage.terms import ProximalSum


class Route(Protocol):
    """What shrinks an array in place where it can."""

    def fitting(self, w: torch.Tensor, motion: Motion) -> bool:
        """Shrink `w` and return True, or leave it and return False."""
        ...


@dataclass(eq=False)
class Piece:
    """Some units along an axis, as an array in which they may lie along two axes.

    Args:
        axis: counted from the end of the shape.
        index: the units.
        lengths: of the axes that the units become.
        route: for the array of the piece.
    """

    axis: int
    index: torch.Tensor
    lengths: tuple[int, ...]
    route: Route
    buffers: list[torch.Tensor] = field(default_factory=list)

    def shrink(self, w: torch.Tensor, motion: Motion) -> None:
        """Shrink these units of `w` in place."""
        self.index = self.index.to(w.device)
        free = iter(range(4))  # of the weights, the squares, the means and the pushes

        def own(tensor: torch.Tensor) -> torch.Tensor:
            return self._taken(tensor, next(free))

        taken = own(w)
        if not self.route.fitting(taken, motion.each(own)):
            raise RuntimeError(f"no route for a dense piece of {taken.dtype}")
        shape = list(w.shape)
        shape[self.axis] = len(self.index)
        w.index_copy_(self.axis, self.index, taken.view(shape))

    def _taken(self, tensor: torch.Tensor, number: int) -> torch.Tensor:
        """Return the units of a tensor, in memory that is used again at the next step."""
        axis = self.axis % tensor.ndim
        shape = (*tensor.shape[:axis], len(self.index), *tensor.shape[axis + 1 :])
        while len(self.buffers) <= number:
            self.buffers.append(tensor.new_empty(0))
        buffer = self.buffers[number]
        if buffer.shape != shape or buffer.dtype != tensor.dtype or buffer.device != tensor.device:
            buffer = self.buffers[number] = tensor.new_empty(shape)
        torch.index_select(tensor, axis, self.index, out=buffer)
        return buffer.view(*shape[:axis], *self.lengths, *shape[axis + 1 :])


class Pieces:
    """The pieces of one parameter, shrunk one after the other."""

    def __init__(self, pieces: list[Piece]) -> None:
        self._pieces = pieces

    def fitting(self, w: torch.Tensor, motion: Motion) -> bool:
        """Shrink `w` in place where the routes of its pieces can; else return False."""
        if motion.given is not None or w.dtype not in (torch.float32, torch.float64):
            return False
        tensors = (motion.square, motion.mean, motion.push)
        if any(tensor is not None and tensor.dtype != w.dtype for tensor in tensors):
            return False
        for piece in self._pieces:
            piece.shrink(w, motion)
        return True


def pieces_of(
    parts: ProximalSum,
    shape: torch.Size,
    stacked: int,
    route_of: Callable[[ProximalSum, torch.Size], Route | None],
) -> Pieces | None:
    """Return the dense pieces of a sum that is on some units or on groups of unequal size.

    Args:
        parts: without references.
        shape: of the weights, with an axis of models where they are stacked.
        stacked: how many axes of models there are.
        route_of: gives the route for the array of a piece.
    """
    models, inner = shape[:stacked], [*shape[stacked:]]
    units, ndim = parts.units, len(inner)
    inside = ProximalSum(tuple(part.on_its_units(ndim) for part in parts.assigned))
    axis = None if units is None else units.axis % ndim
    chosen = None if units is None else np.asarray(units.chosen)
    if axis is not None and chosen is not None:
        inner[axis] = len(chosen)
    blocks = inside.groups[0].penalty.in_blocks(tuple(inner)) if inside.groups else None
    if blocks is None:
        if axis is None or chosen is None:
            return None
        members, dense = [chosen], inside
    else:
        own, layout, penalty = blocks
        if axis not in (None, own):
            return None
        axis, dense = own, inside.with_group(penalty)
        members = [block if chosen is None else chosen[block] for block in layout.members]
    pieces = []
    for member in members:
        lengths = (*models, *inner[:axis], *member.shape, *inner[axis + 1 :])
        route = route_of(dense, torch.Size(lengths))
        if route is None:
            return None
        index = torch.from_numpy(np.ascontiguousarray(member.ravel()))
        pieces.append(Piece(axis - ndim, index, member.shape, route))
    return Pieces(pieces)
