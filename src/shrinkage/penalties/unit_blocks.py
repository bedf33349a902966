"""Units along one axis in groups of unequal size, as dense blocks of groups of equal size.

Who uses this: the group lasso over groups of a person's own, and the route of PyTorch that shrinks
them in place. Groups of one size lie in one array (size, groups), so that what is written for
axes works for each block; there are as many blocks as sizes. Groups come last: sums over a group
then add rows that lie together in memory.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from shrinkage.arrays import Array, library_of


@dataclass(frozen=True, eq=False)
class UnitBlocks:
    """Which units are in which block: `members[i]` is (size, groups), the numbers of the units.

    >>> [block.tolist() for block in UnitBlocks.of((0, 0, 1, 2)).members]
    [[[2, 3]], [[0], [1]]]
    """

    members: tuple[np.ndarray, ...]

    @staticmethod
    @lru_cache(maxsize=64)
    def of(labels: tuple[int, ...]) -> UnitBlocks:
        """Return the blocks of units whose equal labels are a group."""
        units = np.argsort(np.asarray(labels, dtype=np.int64), kind="stable")
        _, sizes = np.unique(np.asarray(labels, dtype=np.int64), return_counts=True)
        groups = np.split(units, np.cumsum(sizes)[:-1]) if len(units) else []
        return UnitBlocks(
            tuple(
                np.array([group for group in groups if len(group) == size]).T
                for size in sorted(set(sizes.tolist()))
            )
        )

    @cached_property
    def order(self) -> np.ndarray:
        """The units in the order of the blocks."""
        return np.concatenate([block.ravel() for block in self.members])

    @cached_property
    def inverse(self) -> np.ndarray:
        """Where each unit is in that order."""
        return np.argsort(self.order)

    def split(self, x: Array, axis: int) -> list[Array]:
        """Return for each block an array whose `axis` became the two axes (size, groups).

        An array of length 1 along `axis` holds one number for all units: each block gets it.
        """
        library = library_of(x)
        shape = tuple(x.shape)
        if shape[axis] == 1 and len(self.order) > 1:
            return [library.reshape(x, (*shape[:axis], 1, *shape[axis:]))] * len(self.members)
        return [
            library.reshape(
                library.take(x, block.ravel(), axis),
                (*shape[:axis], *block.shape, *shape[axis + 1 :]),
            )
            for block in self.members
        ]

    def join(self, blocks: Sequence[Array], axis: int) -> Array:
        """Return the array that `split` made these blocks of."""
        library = library_of(blocks[0])
        flat = [
            library.reshape(block, (*block.shape[:axis], units.size, *block.shape[axis + 2 :]))
            for block, units in zip(blocks, self.members, strict=True)
        ]
        return library.take(library.concatenate(flat, axis), self.inverse, axis)


def numbered(labels: Iterable[Hashable]) -> tuple[int, ...]:
    """Return labels as numbers from 0, in the order in which they first occur.

    >>> numbered(["b", "a", "b"])
    (0, 1, 0)
    """
    numbers: dict[Hashable, int] = {}
    return tuple(numbers.setdefault(label, len(numbers)) for label in labels)
