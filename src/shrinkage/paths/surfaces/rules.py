"""Which model of a surface to take: the best, and the simplest within one standard error of it.

Who uses this: the fit of a surface. On a path the strongest is the simplest; over several axes
"stronger" is no order, so what counts is what is left: nonzero weights, or inputs.
"""

from __future__ import annotations

import numpy as np

from shrinkage.errors import InputError
from shrinkage.paths.choosing.rules import Choice


def choose_simplest(
    mean: np.ndarray,
    standard_error: np.ndarray,
    counts: np.ndarray,
    ranks: np.ndarray,
    learned: np.ndarray,
) -> tuple[Choice, np.ndarray]:
    """Return the best cell and the simplest within one standard error, and which are within.

    The best has the largest mean; the other has the fewest nonzero weights (or inputs) of all
    whose mean is at least `mean[best] − standard_error[best]` and whose models learned something.
    Of equals the strongest is taken: the one farthest along the axes of strengths.

    Args:
        mean: mean score of each cell, (cells,).
        standard_error: of each mean, (cells,).
        counts: what is left of each model, mean over the folds, (cells,).
        ranks: how far along the axes of strengths each cell is, (cells,).
        learned: where no fold's model is a constant, (cells,).

    Raises:
        InputError: no cell has a finite score.

    >>> mean, error = np.array([0.9, 0.89, 0.88, 0.2]), np.full(4, 0.015)
    >>> counts, ranks = np.array([9.0, 4.0, 2.0, 0.0]), np.arange(4)
    >>> choose_simplest(mean, error, counts, ranks, counts > 0)[0]
    Choice(best=0, one_standard_error=1)
    """
    finite = np.isfinite(mean)
    if not finite.any():
        raise InputError(
            "expected a model whose score is a number in every fold, got none: training diverged, "
            "or the score is not defined for such predictions; lower the learning rate or the "
            "strengths, or choose another --score"
        )
    scores = np.where(finite, mean, -np.inf)
    best = _first(np.flatnonzero(scores == scores.max()), -ranks, -scores)
    error = standard_error[best] if np.isfinite(standard_error[best]) else 0.0
    within = (scores >= scores[best] - error) & learned
    near = np.flatnonzero(within)
    simplest = _first(near, counts, -ranks, -scores) if len(near) else best
    return Choice(best, simplest), within


def _first(places: np.ndarray, *keys: np.ndarray) -> int:
    """Return the place that is first by the keys, the first key first."""
    order = np.lexsort([key[places] for key in reversed(keys)])
    return int(places[order[0]])
