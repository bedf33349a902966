"""Which strength to take: the best, and the strongest within one standard error of it.

Who uses this: `fit_path` after cross validation. Scores are higher-is-better and never include
the penalty. A strength with a score that is not finite in some fold is never chosen. Where the loss
chooses, the score is minus it.
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


def choose(
    mean: np.ndarray, standard_error: np.ndarray, learned: np.ndarray | None = None
) -> Choice:
    """Return the best strength and the one-standard-error strength.

    The best has the largest mean score, and among equals the largest strength. The other is the
    **largest** strength whose mean is at least `mean[best] − standard_error[best]` (Breiman et
    al. 1984, section 3.4.3; Hastie, Tibshirani and Friedman 2009, section 7.10) and whose models
    learned something: a constant is simple, and nothing that anyone asked for. Where no such
    strength is within one standard error, it is the best.

    Args:
        mean: mean score for each strength, ascending strengths, (strengths,).
        standard_error: sd(ddof = 1)/√folds of each mean, (strengths,).
        learned: where no fold's model is a constant, (strengths,); None: everywhere.

    Raises:
        InputError: no strength has a finite score.

    >>> choose(np.array([0.7, 0.9, 0.89, 0.5]), np.array([0.0, 0.02, 0.0, 0.0]))
    Choice(best=1, one_standard_error=2)
    >>> choose(np.array([0.5, 0.52, 0.51]), np.full(3, 0.1), np.array([True, True, False]))
    Choice(best=1, one_standard_error=1)
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
    near = scores >= scores[best] - error
    within = np.flatnonzero(near if learned is None else near & learned)
    return Choice(best, int(within[-1]) if len(within) else best)
