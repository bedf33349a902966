"""Which strengths are trained in full after all have been trained a little: the rule of `--fast`.

Who uses this: `shrinkage.paths.fast_validation`. Scores change slowly along a path, so every
second strength of twenty (a factor of 2.6) is near enough: those from the best of the short
trainings to the one within a standard error, one and three steps weaker, and one and two steps
stronger, since long trainings bear more. A short training may not have learned what makes scores
differ; its losses do differ, and where their best lies elsewhere the list reaches to there with
every fourth strength. Of a longer list the densest leave, but for the two that were chosen; one
that the grid's end cuts short is filled where its strengths are farthest apart. Nothing
is dropped for good: while the best of the full trainings is the weakest or the strongest of them,
and not of the grid, the next two beyond follow.
"""

from __future__ import annotations

import numpy as np

from shrinkage.paths.choosing.rules import choose
from shrinkage.paths.results.records import standard_error

STEPS = 10  # of which the grid is long
SHARE, LEAST = 0.3, 4  # of the grid that is on the list at most, but so many strengths are at least
BESIDE = 2  # strengths that follow an outermost best


def most_listed(count: int) -> int:
    """Return how many of so many strengths are on the list at most.

    >>> most_listed(10), most_listed(20), most_listed(40)
    (4, 6, 12)
    """
    return min(count, max(LEAST, round(SHARE * count)))


def shortlist(scores: np.ndarray, losses: np.ndarray | None = None) -> tuple[int, ...]:
    """Return the positions to train in full, ascending.

    Args:
        scores: of the short trainings, (strengths, folds), strengths ascending; where none is
            finite, all are on the list.
        losses: of the same; None: the same as the scores say.

    >>> scores = np.array([[0.7, 0.7], [0.8, 0.9], [0.7, 0.8], [0.2, 0.2], [0.1, 0.1]])
    >>> shortlist(scores)
    (0, 1, 2, 3)
    >>> flat = np.full((20, 2), 0.8)
    >>> shortlist(flat), shortlist(flat, np.arange(40.0).reshape(20, 2))
    ((13, 15, 17, 19), (1, 5, 9, 13, 17, 19))
    """
    mean = scores.mean(axis=1)
    count = len(mean)
    if not np.isfinite(mean).any():
        return tuple(range(count))
    choice, step = choose(mean, standard_error(scores)), _step(count)
    best, simpler = choice.best, choice.one_standard_error
    weaker, stronger = (best - 3 * step, best - step), (simpler + step, simpler + 2 * step)
    wanted = {*weaker, *range(best, simpler, step), simpler, *stronger}
    if losses is not None and np.isfinite(losses.mean(axis=1)).any():
        least = int(np.nanargmin(losses.mean(axis=1)))
        wanted |= {*range(weaker[0], least - step, -2 * step)} if least < weaker[0] else set()
        wanted |= {*range(stronger[1], least + step, 2 * step)} if least > stronger[1] else set()
    inside = sorted(place for place in wanted if 0 <= place < count)
    return _thinned(_filled(inside, min(LEAST, count)), {best, simpler}, most_listed(count))


def _filled(places: list[int], least: int) -> list[int]:
    """Return at least so many places, the others in the middle of the widest gaps."""
    while len(places) < least and max(np.diff(places), default=1) > 1:
        gap = int(np.argmax(np.diff(places)))
        places = [*places[: gap + 1], sum(places[gap : gap + 2]) // 2, *places[gap + 1 :]]
    return places


def _thinned(places: list[int], chosen: set[int], most: int) -> tuple[int, ...]:
    """Return so many of the places, without those whose neighbours are nearest to each other."""
    while len(places) > most:
        gaps = {
            places[i + 1] - places[i - 1]: i
            for i in range(len(places) - 2, 0, -1)
            if places[i] not in chosen
        }
        del places[gaps[min(gaps)]]
    return tuple(places)


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
    for step in (own * _step(count) for own in range(1, BESIDE + 1)):
        if best == positions[0]:
            wanted.add(max(0, best - step))
        if best == positions[-1]:
            wanted.add(min(count - 1, best + step))
    return tuple(sorted(wanted - set(positions)))


def _step(count: int) -> int:
    return -(-count // STEPS)
