"""Into which shards a stack is cut: neighbouring models, with the columns that any of them needs.

Who uses this: the training of a stack whose columns leave.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# What the calls of a step of one more shard cost, and to watch a weight that is not there, in
# weights that a step moves.
OVERHEAD, WATCHED = 300_000, 0.15
LEAST_COLUMNS = 16
GAIN = 0.9  # a cut that leaves more than this share of the work is not worth the copies


@dataclass(frozen=True)
class Piece:
    """Neighbouring models and the columns that they keep, ascending."""

    models: slice
    columns: np.ndarray


def cost(models: int, columns: int, of_columns: int, units: int) -> float:
    """Return what a step of a shard takes, in weights.

    >>> cost(2, 100, 200, units=10)
    302300.0
    """
    return models * units * (columns + WATCHED * (of_columns - columns)) + OVERHEAD


def cut(needed: np.ndarray, units: int) -> list[Piece]:
    """Return the cheapest cut of a stack into shards, by dynamic programming.

    Args:
        needed: which columns a model needs, (models, columns).
        units: weights of a column in a model.

    >>> needed = np.zeros((4, 50_000), bool)
    >>> needed[:2] = needed[2:, :100] = True
    >>> [(piece.models, len(piece.columns)) for piece in cut(needed, units=64)]
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
            least[begin] + cost(end - begin, sizes[begin, end - 1], needed.shape[1], units)
            for begin in range(end)
        ]
        begins.append(int(np.argmin(ways)))
        least.append(min(ways))
    pieces, end = [], models
    while end:
        own = slice(begins[end], end)
        pieces.append(Piece(own, padded(needed[own].any(axis=0))))
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
