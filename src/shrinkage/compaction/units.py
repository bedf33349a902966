"""Which entries of all tensors stand and fall together: sets of whole numbers that are joined.

Who uses this: `analysis` gives every entry of every tensor the number of its unit, and joins the
units that an operation ties together (what is added is of one unit, a column of a weight is of the
unit that it reads).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


class Units:
    """Numbers of units, of which some have been found to be one and the same.

    Unit 0 is what can never be taken out.

    >>> units = Units()
    >>> first, second = units.new(3), units.new(3)
    >>> units.join(first[:2], second[:2])
    >>> units.find(second).tolist()
    [1, 2, 6]
    """

    def __init__(self) -> None:
        self._parent = [0]
        self._roots: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self._parent)

    def new(self, count: int) -> torch.Tensor:
        """Return numbers of new units, shape (count,)."""
        start = len(self._parent)
        self._parent.extend(range(start, start + count))
        self._roots = None
        return torch.arange(start, start + count)

    def find(self, units: torch.Tensor) -> torch.Tensor:
        """Return for every unit the one that stands for all it is joined with."""
        if self._roots is None:
            roots = torch.tensor(self._parent)
            while not torch.equal(roots, further := roots[roots]):
                roots = further
            self._roots, self._parent = roots, roots.tolist()
        return self._roots[units]

    def join(self, first: torch.Tensor, second: torch.Tensor) -> None:
        """Make units one, entry by entry; the shapes broadcast."""
        first, second = torch.broadcast_tensors(first, second)
        small = without_repeats(first, second)
        pairs = torch.stack([self.find(one).flatten() for one in small])
        pairs = pairs[:, pairs[0] != pairs[1]]
        if pairs.numel() == 0:
            return
        for one, other in torch.unique(pairs, dim=1).t().tolist():
            one, other = self._root(one), self._root(other)
            self._parent[max(one, other)] = min(one, other)
        self._roots = None

    def join_along(self, units: torch.Tensor, dims: Sequence[int]) -> torch.Tensor:
        """Make the units along some axes one, and return them with size 1 there."""
        first = first_along(units, dims)
        self.join(first.expand_as(units), units)
        return first

    def vary_along(self, units: torch.Tensor, dims: Sequence[int]) -> bool:
        """Return whether the units differ along some axes."""
        (small,) = without_repeats(units)
        found = self.find(small)
        return bool((found != first_along(found, dims)).any())

    def _root(self, unit: int) -> int:
        while self._parent[unit] != unit:
            unit = self._parent[unit]
        return unit


def first_along(tensor: torch.Tensor, dims: Sequence[int]) -> torch.Tensor:
    """Return the first slice along some axes, which keep size 1."""
    for dim in dims:
        tensor = tensor.narrow(dim, 0, 1)
    return tensor


def without_repeats(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return tensors of one shape without the axes along which all merely repeat themselves."""
    for dim in range(tensors[0].ndim):
        if all(one.stride(dim) == 0 or one.shape[dim] == 1 for one in tensors):
            tensors = tuple(one.narrow(dim, 0, 1) for one in tensors)
    return tensors
