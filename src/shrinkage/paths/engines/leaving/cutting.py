"""Into which shards a stack is cut: neighbouring models, with the columns that any of them needs.

Who uses this: the training of a stack whose columns leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_COLUMNS = 16
GAIN = 0.85  # a cut that leaves more than this share of the work is not worth the copies


@dataclass(frozen=True)
class Piece:
    """Neighbouring models and the columns that they keep, ascending."""

    models: slice
    columns: np.ndarray


@dataclass(frozen=True)
class Prices:
    """What steps of shards take, in units of what a weight in the arrays takes.

    Args:
        shard: the calls of one more shard.
        watched: a weight that is not there.
        units: weights of a column in a model.
    """

    shard: float
    watched: float
    units: int

    def of(self, models: int, columns: int, of_columns: int) -> float:
        """Return what a step of a shard takes.

        >>> Prices(300.0, 0.1, units=10).of(2, 100, 200)
        2500.0
        """
        apart = self.watched * (of_columns - columns)
        return models * self.units * (columns + apart) + self.shard

    def of_all(self, pieces: Sequence[Piece], columns: int) -> float:
        """Return what a step of these shards takes."""
        sizes = ((own.models.stop - own.models.start, len(own.columns)) for own in pieces)
        return sum(self.of(models, kept, columns) for models, kept in sizes)


def cut(needed: np.ndarray, prices: Prices) -> list[Piece]:
    """Return the cheapest cut of a stack into shards, by dynamic programming.

    Args:
        needed: which columns a model needs, (models, columns).
        prices: what steps take.

    >>> needed = np.zeros((4, 50_000), bool)
    >>> needed[:2] = needed[2:, :100] = True
    >>> [(piece.models, len(piece.columns)) for piece in cut(needed, Prices(3e5, 0.1, 64))]
    [(slice(0, 2, None), 50000), (slice(2, 4, None), 100)]
    """
    models = len(needed)
    sizes = np.zeros((models, models), np.int64)
    for first in range(models):
        union = np.zeros(needed.shape[1], bool)
        for last in range(first, models):
            union |= needed[last]
            sizes[first, last] = max(LEAST_COLUMNS, union.sum())
    least, begins = [0.0], [0]
    for end in range(1, models + 1):
        ways = [
            least[begin] + prices.of(end - begin, int(sizes[begin, end - 1]), needed.shape[1])
            for begin in range(end)
        ]
        begins.append(int(np.argmin(ways)))
        least.append(min(ways))
    pieces, end = [], models
    while end:
        own = slice(begins[end], end)
        pieces.append(Piece(own, padded(np.any(needed[own], axis=0, keepdims=True)[0])))
        end = begins[end]
    return pieces[::-1]


def padded(needed: np.ndarray) -> np.ndarray:
    """Return the positions that are needed, with the first others where they are very few.

    >>> padded(np.arange(20) == 18).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 18]
    """
    missing = LEAST_COLUMNS - int(needed.sum())
    if missing > 0:
        needed = needed | (np.cumsum(~needed) <= missing) & ~needed
    return np.flatnonzero(needed)
