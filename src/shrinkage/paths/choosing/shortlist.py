"""Which strengths are trained in full after all have been trained a little: the rule of `--fast`.

Who uses this: `shrinkage.paths.fast_validation`. Scores change slowly along a path, so every
second strength of twenty (a factor of 2.6) is near enough: those from the best of the short
trainings to the one within a standard error, one and three steps weaker, and one and two steps
stronger, since long trainings bear more. Nothing is dropped for good: while the best of the full
trainings is the weakest or the strongest of them, and not of the grid, the next two beyond follow.
"""

from __future__ import annotations

import numpy as np

from shrinkage.paths.choosing.rules import choose
from shrinkage.paths.results.records import standard_error

STEPS = 10  # of which the grid is long


def shortlist(scores: np.ndarray) -> tuple[int, ...]:
    """Return the positions to train in full, ascending.

    Args:
        scores: of the short trainings, (strengths, folds), strengths ascending; where none is
            finite, all are on the list.

    >>> shortlist(np.array([[0.7, 0.7], [0.8, 0.9], [0.7, 0.8], [0.2, 0.2], [0.1, 0.1]]))
    (0, 1, 2, 3)
    """
    mean = scores.mean(axis=1)
    count = len(mean)
    if not np.isfinite(mean).any():
        return tuple(range(count))
    choice, step = choose(mean, standard_error(scores)), _step(count)
    best, simpler = choice.best, choice.one_standard_error
    weaker, stronger = (best - 3 * step, best - step), (simpler + step, simpler + 2 * step)
    wanted = (*weaker, *range(best, simpler, step), simpler, *stronger)
    return tuple(sorted({place for place in wanted if 0 <= place < count}))


def lacking(positions: tuple[int, ...], scores: np.ndarray, count: int) -> tuple[int, ...]:
    """Return the positions that the best of the full trainings still asks for.

    Args:
        positions: what was trained in full, ascending.
        scores: of these, (positions, folds).
        count: of all strengths.

    >>> scores = np.array([[0.7, 0.7], [0.8, 0.8], [0.9, 0.9]])
    >>> lacking((0, 2, 4), scores, count=20), lacking((0, 2, 4), scores[[0, 2, 1]], count=20)
    ((6, 8), ())
    """
    best = positions[choose(scores.mean(axis=1), standard_error(scores)).best]
    wanted = set()
    for step in (_step(count), 2 * _step(count)):
        if best == positions[0]:
            wanted.add(max(0, best - step))
        if best == positions[-1]:
            wanted.add(min(count - 1, best + step))
    return tuple(sorted(wanted - set(positions)))


def _step(count: int) -> int:
    return -(-count // STEPS)
