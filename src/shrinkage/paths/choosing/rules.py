"""Which strength to take: the best, and the strongest within one standard error of it.

Who uses this: `fit_path` after cross validation. Scores are higher-is-better and never include
the penalty. A strength with a score that is not finite in some fold is never chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shrinkage.errors import InputError


@dataclass(frozen=True)
class Choice:
    """Positions in the ascending grid of strengths."""

    best: int
    one_standard_error: int


def choose(mean: np.ndarray, standard_error: np.ndarray) -> Choice:
    """Return the best strength and the one-standard-error strength.

    The best has the largest mean score, and among equals the largest strength. The other is the
    **largest** strength whose mean is at least `mean[best] − standard_error[best]` (Breiman et
    al. 1984, section 3.4.3; Hastie, Tibshirani and Friedman 2009, section 7.10).

    Args:
        mean: mean score for each strength, ascending strengths, (strengths,).
        standard_error: sd(ddof = 1)/√folds of each mean, (strengths,).

    Raises:
        InputError: no strength has a finite score.

    >>> choose(np.array([0.7, 0.9, 0.89, 0.5]), np.array([0.0, 0.02, 0.0, 0.0]))
    Choice(best=1, one_standard_error=2)
    """
    finite = np.isfinite(mean)
    if not finite.any():
        raise InputError(
            "expected a strength whose score is a number in every fold, got none: training "
            "diverged, or the score is not defined for such predictions; lower the learning rate "
            "or the strengths, or choose another --score"
        )
    scores = np.where(finite, mean, -np.inf)
    best = int(np.flatnonzero(scores == scores.max())[-1])
    error = standard_error[best] if np.isfinite(standard_error[best]) else 0.0
    within = np.flatnonzero(scores >= scores[best] - error)
    return Choice(best, int(within[-1]))
